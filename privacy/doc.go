// Package privacy masks personal data in text: e-mail addresses, telephone numbers, payment card
// numbers (by their check digit) and API keys. Text enters; the same text leaves with placeholders
// ([EMAIL], [PHONE], [CARD], [API_KEY]) where such data stood.
//
// It reads as people do: letters and digits of full width and digits of Arabic scripts are those of ASCII, and format
// characters (soft hyphens, joiners, marks of direction), variation selectors and the keys round the digits of emoji
// part nothing. It goes by shape alone: it asks nobody, keeps nothing, never says what it masked and doesn't know names
// or street addresses. Where a shape could be a telephone number or an ordinary one (ten digits in a row, three groups
// of three), it is masked only if the words before it say so ("call", "tel").
// Dates, years, prices, version numbers, ISBNs, UUIDs and plain long numbers stay as they are.
package privacy
