package features

// Of measures a text.
func Of(text string) Features { return Features{Chars: len(text)} }
