// Package session has the sessions that ../capacity measures, each with the data that a web application of its kind keeps. It is a
// package of its own because encoding/gob writes the import path of a registered type into the cookie.
package session

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"time"
)

// UserID is whose the sessions are.
const UserID = "0190e2a4-7c3b-7d5e-9f10-2b6c8d4e1a37"

// Now is when the sessions are made: UTC and in whole seconds, which is the shortest form of a time in JSON and CBOR.
var Now = time.Date(2026, time.March, 14, 9, 26, 53, 0, time.UTC)

// Login is a session that says who is logged in.
type Login struct {
	UserID    string    `json:"user_id"`
	LoginTime time.Time `json:"login_time"`
}

// NewLogin returns a Login.
func NewLogin() Login { return Login{UserID, Now} }

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
func NewAccount() Account {
	return Account{UserID, Now, "north-harbour", []string{"editor", "billing-viewer", "support"}, "de-AT", opaque("csrf", 43)}
}

// Cart is what somebody wants to buy.
type Cart struct {
	UserID    string    `json:"user_id"`
	LoginTime time.Time `json:"login_time"`
	Lines     []Line    `json:"lines"`
}

// Line is one article of a Cart.
type Line struct {
	SKU      string `json:"sku"`
	Name     string `json:"name"`
	Quantity int    `json:"quantity"`
	Price    int    `json:"price"` // in cents
}

// NumberedCart is a Cart whose fields have numbers for names in CBOR.
type NumberedCart struct {
	UserID    string         `cbor:"1,keyasint"`
	LoginTime time.Time      `cbor:"2,keyasint"`
	Lines     []NumberedLine `cbor:"3,keyasint"`
}

// NumberedLine is a Line of a NumberedCart.
type NumberedLine struct {
	SKU      string `cbor:"1,keyasint"`
	Name     string `cbor:"2,keyasint"`
	Quantity int    `cbor:"3,keyasint"`
	Price    int    `cbor:"4,keyasint"`
}

var (
	articles = []string{
		"Oat biscuits", "Olive oil", "Espresso beans", "Green tea", "Rye bread", "Sea salt crackers", "Honey", "Basmati rice",
		"Tomato passata", "Dark chocolate", "Almond butter", "Apple juice", "Chickpeas", "Dried apricots", "Mustard", "Spaghetti",
		"Black pepper", "Raspberry jam", "Coconut milk", "Red lentils",
	}
	packings = []string{"250 g", "500 g", "1 kg", "6 x 500 g"}
)

// NewCart returns a Cart of n different lines, at most 80 before they repeat.
func NewCart(n int) Cart {
	c := Cart{UserID: UserID, LoginTime: Now}
	for i := range n {
		c.Lines = append(c.Lines, Line{
			SKU:      fmt.Sprintf("HT-%06d", 100_417+i*7_919%899_000),
			Name:     articles[i%len(articles)] + ", " + packings[i/len(articles)%len(packings)],
			Quantity: 1 + i*i%5,
			Price:    149 + i*i*37%2_400,
		})
	}
	return c
}

// NewNumberedCart returns what NewCart does.
func NewNumberedCart(n int) NumberedCart {
	c := NewCart(n)
	numbered := NumberedCart{UserID: c.UserID, LoginTime: c.LoginTime}
	for _, l := range c.Lines {
		numbered.Lines = append(numbered.Lines, NumberedLine(l))
	}
	return numbered
}

// OIDC is the session of a client that keeps what the identity provider gave it.
type OIDC struct {
	UserID       string    `json:"user_id"`
	IDToken      string    `json:"id_token"`
	AccessToken  string    `json:"access_token"`
	RefreshToken string    `json:"refresh_token"`
	Expiry       time.Time `json:"expiry"`
}

// NewOIDC returns an OIDC with tokens of so many characters.
func NewOIDC(id, access, refresh int) OIDC {
	return OIDC{UserID, opaque("id", id), opaque("access", access), opaque("refresh", refresh), Now.Add(time.Hour)}
}

// opaque returns n characters of base64url, the same ones for the same label.
func opaque(label string, n int) string {
	raw := make([]byte, n)
	rand.NewChaCha8(sha256.Sum256([]byte(label))).Read(raw)
	return base64.RawURLEncoding.EncodeToString(raw)[:n]
}

// Form is what has been entered in the first steps of a form.
type Form struct {
	UserID         string   `json:"user_id"`
	Step           int      `json:"step"`
	Done           []string `json:"done"`
	FamilyName     string   `json:"family_name"`
	GivenName      string   `json:"given_name"`
	FamilyNameKana string   `json:"family_name_kana"`
	GivenNameKana  string   `json:"given_name_kana"`
	Email          string   `json:"email"`
	Phone          string   `json:"phone"`
	From           Address  `json:"from"`
	To             Address  `json:"to"`
	Request        string   `json:"request"`
	Remarks        string   `json:"remarks"`
}

// Address is a postal address of a Form.
type Address struct {
	PostalCode string `json:"postal_code"`
	Prefecture string `json:"prefecture"`
	City       string `json:"city"`
	Street     string `json:"street"`
	Building   string `json:"building"`
}

// NewForm returns a Form in Japanese: somebody asks a mover for an offer.
func NewForm() Form {
	return Form{
		UserID:         UserID,
		Step:           4,
		Done:           []string{"contact", "addresses", "request"},
		FamilyName:     "佐藤",
		GivenName:      "美咲",
		FamilyNameKana: "サトウ",
		GivenNameKana:  "ミサキ",
		Email:          "misaki.sato@example.jp",
		Phone:          "090-0000-0000",
		From:           Address{"981-0000", "宮城県", "仙台市青葉区", "中央三丁目二番地の一", "青葉荘二〇三号室"},
		To:             Address{"150-0000", "東京都", "渋谷区", "渋谷一丁目五番地の八", "コーポさくら五〇二号室"},
		Request: "来月末の引っ越しの見積もりをお願いします。三月二十八日の午前中に荷物を搬出し、翌日の午後までに新居へ運び入れる予定です。" +
			"大型の家具は冷蔵庫、洗濯機、食器棚、ベッドが二台で、食器棚は解体と組み立てもお願いしたいと考えています。",
		Remarks: "新居のエレベーターは六人乗りで、奥行きが百四十センチほどしかありません。駐車は建物の裏側にお願いします。" +
			"平日の日中は電話に出られないことが多いので、ご連絡はなるべく電子メールでいただけると助かります。",
	}
}
