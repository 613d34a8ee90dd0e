package session

import (
	"fmt"
	"time"
)

// Login is a session that says who is logged in.
type Login struct {
	UserID    string    `json:"user_id"`
	LoginTime time.Time `json:"login_time"`
}

// NewLogin returns a Login of UserID.
func NewLogin() Login { return Login{UserID, Now} }

// Logins grow with the characters of the user's ID: those of a UUID, and behind it a path of departments, as a directory has it.
func Logins() Shape[Login] {
	return Shape[Login]{
		Name: "login", Small: 8, Medium: len(UserID), Large: 200,
		Grow: func(n int) Login {
			id := UserID
			numbers := opaque("departments", n) // each department takes more than three
			for i := 0; len(id) < n; i++ {
				id += fmt.Sprintf("/%s-%x", departments[i*7%len(departments)], numbers[3*i:3*i+3])
			}
			return Login{id[:n], Now}
		},
	}
}

var departments = []string{"sales", "north", "purchasing", "warehouse", "service", "tools", "harbour", "export", "accounts", "training"}

// Account is a Login and what a page needs to know of the user.
type Account struct {
	UserID    string    `json:"user_id"`
	LoginTime time.Time `json:"login_time"`
	Tenant    string    `json:"tenant"`
	Roles     []string  `json:"roles"`
	Locale    string    `json:"locale"`
	CSRFToken string    `json:"csrf_token"`
}

// NewAccount returns an Account with three roles.
func NewAccount() Account { return Accounts().Grow(3) }

// Accounts grow with the roles: three for all of the application, then one for each project.
func Accounts() Shape[Account] {
	return Shape[Account]{
		Name: "account", Small: 1, Medium: 3, Large: 70,
		Grow: func(n int) Account {
			roles := []string{"editor", "billing-viewer", "support"}
			for i := len(roles); i < n; i++ {
				roles = append(roles, fmt.Sprintf("project-%04d:%s", 1_000+i*1_733%9_000, levels[i*i%len(levels)]))
			}
			return Account{UserID, Now, "north-harbour", roles[:n], "de-AT", opaque("csrf", 43)}
		},
	}
}

var levels = []string{"viewer", "editor", "owner", "auditor", "billing"}
