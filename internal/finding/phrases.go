package finding

// Phrase translates one of the fixed phrases in which sources word their
// evidence. English is the key; a phrase that the catalogue lacks comes back
// as it is, and a test in the module's root makes sure that none does.
func Phrase(en string, lang Lang) string {
	if lang == Chinese {
		if zh, ok := phrasesZh[en]; ok {
			return zh
		}
	}
	return en
}

// Phrases lists the English phrases that have a translation.
func Phrases() map[string]string { return phrasesZh }
