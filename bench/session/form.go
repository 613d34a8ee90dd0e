package session

import (
	"fmt"
	"unicode/utf8"
)

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
	s := Forms()
	return s.Grow(s.Medium)
}

// Forms grow with the characters that are entered: the request, the remarks, and, where these are longer than anybody's, a list of furniture.
func Forms() Shape[Form] {
	return Shape[Form]{
		Name: "form", Small: 0, Medium: utf8.RuneCountInString(request + remarks), Large: 420,
		Grow: func(n int) Form {
			f := Form{
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
			}
			text := request + remarks + more
			for i := 0; utf8.RuneCountInString(text) < n; i++ {
				text += furniture(i)
			}
			entered := []rune(text)[:n]
			first := min(n, utf8.RuneCountInString(request))
			f.Request, f.Remarks = string(entered[:first]), string(entered[first:])
			return f
		},
	}
}

const (
	request = "来月末の引っ越しの見積もりをお願いします。三月二十八日の午前中に荷物を搬出し、翌日の午後までに新居へ運び入れる予定です。" +
		"大型の家具は冷蔵庫、洗濯機、食器棚、ベッドが二台で、食器棚は解体と組み立てもお願いしたいと考えています。"
	remarks = "新居のエレベーターは六人乗りで、奥行きが百四十センチほどしかありません。駐車は建物の裏側にお願いします。" +
		"平日の日中は電話に出られないことが多いので、ご連絡はなるべく電子メールでいただけると助かります。"
)

// more is what the remarks go on with.
const more = "冷蔵庫は三年前に買ったもので、背が高く、今の台所では扉を外さないと廊下に出せませんでした。" +
	"洗濯機の水抜きは前日の夜に自分で済ませておきます。" +
	"ピアノはありませんが、祖母から譲り受けた桐の箪笥があり、傷がつくと困るので毛布で包んでください。" +
	"本は段ボール箱で二十箱ほどになる見込みで、重い箱には赤い印をつけておくつもりです。" +
	"食器と硝子の花瓶は割れやすいため、こちらで新聞紙に包み、箱の上に「割れ物」と書いておきます。" +
	"観葉植物が五鉢あり、寒さに弱いので、できれば暖かい車内に載せていただけないでしょうか。" +
	"猫が一匹いますが、当日は友人の家に預ける予定なので、作業の邪魔にはならないはずです。" +
	"今の建物にはエレベーターがなく、階段は途中で折れ曲がっていて、大きな家具を回すのに苦労します。" +
	"前の道は一方通行で、朝の七時から九時までは車両の通行が禁じられています。" +
	"大家さんには搬出の日時を伝えてあり、玄関の前に小型のトラックなら止めてよいと言われました。" +
	"新居の管理会社からは、共用部分の壁と床を必ず養生するように求められています。" +
	"鍵の受け渡しは二十九日の正午になるので、それより早く着いた場合は近くの喫茶店で待っていてください。" +
	"寝室の窓は広く、ベッドの枠が玄関を通らなければ、そこから吊り上げることもできると思います。" +
	"不要になった机と椅子、古いテレビの引き取りもお願いできるか、費用と合わせて教えてください。" +
	"自転車は二台で、一台は電動なので、電池を外して別に運ぶほうがよいのでしょうか。" +
	"雨が降ったときの対応や、日程を変えた場合の手数料についても、見積書に書き添えていただけると安心です。" +
	"保険は家財一式で三百万円まで入りたいのですが、骨董の掛け軸が対象になるかどうか分かりません。" +
	"荷造り用の箱と紐、緩衝材は、二週間前までに届けてもらえると助かります。" +
	"衣類は専用の箱に掛けたまま運べると聞きましたので、八箱ほど貸してください。" +
	"作業に来る方の人数と、だいたいの所要時間も知らせてもらえますか。" +
	"支払いは銀行振込を希望しますが、当日に現金で払うと割引があるなら、それでも構いません。" +
	"夫は単身赴任中で立ち会えず、私と母の二人だけなので、力仕事はほとんど手伝えません。" +
	"子どもの学習机は組み立て式で、説明書をなくしてしまい、ねじの種類も分からなくなりました。" +
	"物置には冬用のタイヤが四本と、灯油の入っていないストーブが一台置いてあります。" +
	"照明器具は三つとも外して持って行き、新居の天井に取り付けてほしいです。" +
	"エアコンの移設は電器店に頼みましたので、配管には触れないようにしてください。" +
	"仏壇については菩提寺の住職にお経をあげてもらってから、最後に積み込みたいと思っています。" +
	"以前に頼んだ別の会社では時計が一つ見つからなくなり、嫌な思いをしたことがあります。" +
	"そのため箱には番号を振り、到着したときに一緒に数を確かめていただくつもりです。" +
	"ほかに用意しておくべき書類や、役所への届け出で注意する点があれば、ぜひご助言ください。"

// furniture returns a sentence on one piece of it.
func furniture(i int) string {
	return fmt.Sprintf("%sは%sから%sへ運び、幅は%dセンチ、高さは%dセンチです。",
		pieces[i%len(pieces)], rooms[i*3%len(rooms)], rooms[(i*3+1+i/7%6)%len(rooms)], 40+i*37%110, 50+i*53%140)
}

var (
	pieces = []string{
		"本棚", "机", "椅子", "箪笥", "鏡台", "食卓", "テレビ", "電子レンジ", "炊飯器", "掃除機", "自転車", "観葉植物", "姿見", "靴箱", "布団", "扇風機",
	}
	rooms = []string{"居間", "寝室", "台所", "書斎", "玄関", "子供部屋", "物置"}
)
