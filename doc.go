// Package hardtack keeps web sessions in encrypted cookies, and moves those
// that outgrow about 3 KB to a store and back.
package hardtack
