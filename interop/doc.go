// Package interop checks hardtack's tokens and records against another
// implementation of XAES-256-GCM, that of tink-go, in both directions. It has
// tests only.
//
// It is a module of its own because tink-go brings protocol buffers with it,
// which nobody who uses hardtack should have to download.
package interop
