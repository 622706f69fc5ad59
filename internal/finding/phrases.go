package finding

import "maps"

// phrases are the translations into Chinese, of all the files phrases_zh*.go.
var phrases = func() map[string]string {
	all := maps.Clone(phrasesZh)
	maps.Copy(all, phrasesZhSSH)
	maps.Copy(all, phrasesZhHTTP)
	maps.Copy(all, phrasesZhDetail)
	maps.Copy(all, phrasesZhLog)
	maps.Copy(all, phrasesZhHost)
	maps.Copy(all, phrasesZhSides)
	maps.Copy(all, phrasesZhTranscript)
	maps.Copy(all, phrasesZhAlign)
	maps.Copy(all, phrasesZhCapture)
	return all
}()

// Phrase translates one of the fixed phrases in which sources word their
// evidence, or which stand within a detail ([Say]). English is the key; a phrase that the catalogue lacks comes back
// as it is, and a test in the module's root makes sure that none does.
func Phrase(en string, lang Lang) string {
	if lang == Chinese {
		if zh, ok := phrases[en]; ok {
			return zh
		}
	}
	return en
}

// Phrases lists the English phrases that have a translation.
func Phrases() map[string]string { return phrases }
