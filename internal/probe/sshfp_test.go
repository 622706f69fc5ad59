package probe

import (
	"encoding/base64"
	"testing"

	"ftpdoctor/internal/observe"
)

// The records are those that ssh-keygen -r prints for this key.
func TestCompareSSHFP(t *testing.T) {
	key, err := base64.StdEncoding.DecodeString("AAAAC3NzaC1lZDI1NTE5AAAAIEb4aCzgCY1yATTxXbKu7WlW0tOd4k7bHGAsJdDNpTGY")
	if err != nil {
		t.Fatal(err)
	}
	const (
		sha1   = "4 1 ed8979439e6c04c072c7a2059854b7ce91170008"
		sha256 = "4 2 92e93fb37e534aea18188425416a0cb0a00546e3ae2eca0844c0bde1dbe4f382"
	)
	record := func(data ...string) (out []observe.Record) {
		for _, d := range data {
			out = append(out, observe.Record{Type: "SSHFP", Data: d})
		}
		return out
	}
	other := "4 2 0000000000000000000000000000000000000000000000000000000000000000"
	for name, test := range map[string]struct {
		records []observe.Record
		want    string
	}{
		"none":                     {nil, ""},
		"SHA-1":                    {record(sha1), fingerprintMatches},
		"SHA-256":                  {record(sha256), fingerprintMatches},
		"another":                  {record(other), fingerprintDiffers},
		"several, one is right":    {record(other, sha256), fingerprintMatches},
		"of another type":          {record("1" + other[1:]), ""},
		"of an unknown digest":     {record("4 9" + other[3:]), ""},
		"damaged":                  {record("4 2 xyz", "4", ""), ""},
		"an alias before a record": {append([]observe.Record{{Type: "CNAME", Data: other}}, record(sha256)...), fingerprintMatches},
	} {
		if got := compareSSHFP(test.records, key); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
