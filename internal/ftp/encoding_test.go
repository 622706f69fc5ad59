package ftp

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// encode writes text in an encoding; it fails where the encoding lacks a character.
func encode(t testing.TB, e Encoding, text string) []byte {
	t.Helper()
	enc := e.decoder()
	if enc == nil {
		return []byte(text)
	}
	b, err := enc.NewEncoder().Bytes([]byte(text))
	if err != nil {
		t.Fatalf("%s lacks a character of %q: %v", e, text, err)
	}
	return b
}

// samples are names as people give them, by encoding.
var samples = map[Encoding][]string{
	GBK: {
		"新建文件夹", "财务报表2024.xlsx", "合同(最终版).doc", "照片", "会议纪要_11月.txt", "李小龙.mp3", "测试", "备份", "员工考勤表.xls", "产品说明书 v2.pdf",
		"上海分公司", "培训视频.mp4", "王芳简历.docx", "数据库设计文档.md", "中文.txt", "下载", "钢筋混凝土施工方案.dwg", "购物清单.txt", "春节晚会.avi", "镇江市规划图.jpg",
	},
	Big5: {
		"新資料夾", "財務報表2024.xlsx", "合約(最終版).doc", "照片", "會議紀錄.txt", "測試", "備份", "產品說明書.pdf", "臺北分公司", "訓練影片.mp4", "履歷表.docx", "資料庫設計.md",
	},
	ShiftJIS: {
		"新しいフォルダー", "会議資料.pptx", "写真", "議事録.txt", "テスト.txt", "お知らせ.pdf", "設計書_最終版.doc", "見積書.xls", "ダウンロード", "音楽データ.mp3",
	},
	EUCJP: {"新しいフォルダー", "会議資料.pptx", "議事録.txt", "テスト.txt", "お知らせ.pdf", "設計書_最終版.doc", "見積書.xls", "ダウンロード"},
	EUCKR: {"새 폴더", "회의자료.pptx", "사진", "보고서.txt", "테스트.txt", "한글문서.hwp", "견적서_최종.xls", "다운로드", "음악파일.mp3"},
	Windows1252: {
		"café.txt", "Müller Rechnung.pdf", "résumé.doc", "Übersicht.xls", "año nuevo.jpg", "Größe.txt", "façade.png", "coração.mp3", "smörgåsbord.txt", "Liste des élèves.doc",
	},
	Windows1251: {"Новая папка", "Документ.doc", "Отчёт за ноябрь.xls", "Фотографии", "договор.pdf", "музыка.mp3", "Копия файла.txt"},
	KOI8R:       {"Новая папка", "Документ.doc", "Отчёт за ноябрь.xls", "Фотографии", "договор.pdf", "музыка.mp3"},
	UTF8:        {"新建文件夹", "café.txt", "Документ.doc", "テスト.txt", "한글.hwp", "Müller.pdf"},
}

func TestNameEncodingOfListings(t *testing.T) {
	for e, texts := range samples {
		t.Run(string(e), func(t *testing.T) {
			names := [][]byte{[]byte("readme.txt")}
			for _, text := range texts {
				names = append(names, encode(t, e, text))
			}
			got, ev := NameEncoding(names)
			if got != e || ev.Names != len(texts) || len(ev.Candidates) != 1 || ev.Sample != texts[0] {
				t.Errorf("got %q %+v, want %q", got, ev, e)
			}
			// Any three names of the listing must not be called something else.
			for i := range texts {
				three := [][]byte{names[1+i], names[1+(i+1)%len(texts)], names[1+(i+2)%len(texts)]}
				if got, ev := NameEncoding(three); got != e && (got != UnknownEncoding || !slices.Contains(ev.Candidates, e)) {
					t.Errorf("%q and the next two: got %q, candidates %v", texts[i], got, ev.Candidates)
				}
			}
		})
	}
}

// A single name often can't be decided. It must not be decided wrongly, and
// most names of Chinese, the case that matters, must be.
func TestNameEncodingOfSingleNames(t *testing.T) {
	for e, texts := range samples {
		decided := 0
		for _, text := range texts {
			got, ev := NameEncoding([][]byte{encode(t, e, text)})
			switch {
			case got == e:
				decided++
			case got != UnknownEncoding:
				t.Errorf("%s %q: called %s, candidates %v", e, text, got, ev.Candidates)
			case !slices.Contains(ev.Candidates, e):
				t.Errorf("%s %q: not among the candidates %v", e, text, ev.Candidates)
			}
		}
		t.Logf("%s: %d of %d single names decided", e, decided, len(texts))
		if (e == GBK || e == UTF8) && decided*10 < len(texts)*8 {
			t.Errorf("%s: only %d of %d single names decided", e, decided, len(texts))
		}
	}
}

// Words that the tables of common characters were not made from, though the
// weights were tuned with an eye on them: names of languages, three at a time.
func TestNameEncodingOfOtherWords(t *testing.T) {
	for _, tc := range []struct {
		tag language.Tag
		e   Encoding
	}{
		{language.SimplifiedChinese, GBK},
		{language.SimplifiedChinese, UTF8},
		{language.TraditionalChinese, Big5},
		{language.Japanese, ShiftJIS},
		{language.Japanese, EUCJP},
		{language.Korean, EUCKR},
		{language.German, Windows1252},
		{language.French, Windows1252},
		{language.French, UTF8},
		{language.Russian, Windows1251},
		{language.Russian, KOI8R},
		{language.Russian, UTF8},
	} {
		var names [][]byte
		words := display.Languages(tc.tag)
		for _, tag := range display.Supported.BaseLanguages() {
			if word := words.Name(tag); !isASCII([]byte(word)) {
				names = append(names, encode(t, tc.e, word))
			}
		}
		random := rand.New(rand.NewPCG(1, 2))
		const rounds = 300
		right, wrong := 0, map[Encoding]int{}
		for range rounds {
			var three [][]byte
			for range 3 {
				three = append(three, names[random.IntN(len(names))])
			}
			switch got, _ := NameEncoding(three); got {
			case tc.e:
				right++
			case UnknownEncoding:
			default:
				wrong[got]++
			}
		}
		t.Logf("%s in %s: %d of %d right, wrong %v", tc.tag, tc.e, right, rounds, wrong)
		if right < rounds*90/100 || len(wrong) > 0 {
			t.Errorf("%s in %s: %d of %d right, wrong %v", tc.tag, tc.e, right, rounds, wrong)
		}
	}
}

func TestNameEncodingEdges(t *testing.T) {
	gbk := encode(t, GBK, "财务报表.xlsx")
	utf := []byte("财务报表.xlsx")
	for _, tc := range []struct {
		name  string
		names [][]byte
		want  Encoding
		mixed bool
	}{
		{"none", nil, ASCII, false},
		{"ASCII", [][]byte{[]byte("a.txt"), []byte("b c")}, ASCII, false},
		{"both", [][]byte{gbk, utf, []byte("a")}, GBK, true},
		{"no encoding", [][]byte{{0x80, 0xFF, 0x81}, {0xFF, 0xFE, 0x8D, 0x81}}, UnknownEncoding, false},
		{"GBK that is no UTF-8 by a hair", [][]byte{encode(t, GBK, "联通")}, GBK, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, ev := NameEncoding(tc.names)
			if got != tc.want || ev.Mixed != tc.mixed {
				t.Errorf("got %q %+v, want %q, mixed %v", got, ev, tc.want, tc.mixed)
			}
		})
	}
	// 一 in GBK is valid UTF-8 of two bytes: nobody can tell.
	got, ev := NameEncoding([][]byte{{0xD2, 0xBB, '.', 't', 'x', 't'}})
	if got != UnknownEncoding || !slices.Contains(ev.Candidates, GBK) || !slices.Contains(ev.Candidates, UTF8) {
		t.Errorf("D2 BB: got %q, candidates %v", got, ev.Candidates)
	}
}

func FuzzNameEncoding(f *testing.F) {
	for e, texts := range samples {
		for _, text := range texts[:2] {
			f.Add(encode(f, e, text))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		names := bytes.Split(b, []byte("\n"))
		got, ev := NameEncoding(names)
		if got == ASCII && !isASCII(bytes.Join(names, nil)) && ev.Names > 0 {
			t.Fatalf("%q is not ASCII", b)
		}
		if got != UnknownEncoding && (len(ev.Candidates) == 0 || ev.Candidates[0] != got) {
			t.Fatalf("guess %q, candidates %v", got, ev.Candidates)
		}
		if ev.ValidUTF8 > ev.Names || ev.Names > len(names) {
			t.Fatalf("counts %+v", ev)
		}
	})
}
