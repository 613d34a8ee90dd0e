module github.com/hardtack-go/hardtack

go 1.25.0
