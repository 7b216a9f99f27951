// Go 1.18 or later, no modules.
package webhook

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const tolerance = 5 * time.Minute

// Verify takes the raw body, before any JSON decoder has seen it, and the secrets: whsec_… and whpk_…, the current one, and while
// you change over the one before. It returns an error when the request must not be trusted.
func Verify(header http.Header, body []byte, secrets []string, now time.Time) error {
	id, timestamp, signatures := header.Get("webhook-id"), header.Get("webhook-timestamp"), header.Get("webhook-signature")
	if id == "" || signatures == "" {
		return errors.New("a webhook header is missing")
	}
	seconds, err := strconv.ParseUint(timestamp, 10, 40)
	if err != nil {
		return errors.New("the timestamp is not readable")
	}
	if age := now.Sub(time.Unix(int64(seconds), 0)); age > tolerance || age < -tolerance {
		return errors.New("the timestamp is too far from now")
	}
	signed := append([]byte(id+"."+timestamp+"."), body...)
	for _, secret := range secrets {
		for _, one := range strings.Split(signatures, " ") {
			version, text, _ := strings.Cut(one, ",")
			signature, err := base64.StdEncoding.DecodeString(text)
			if err == nil && fits(secret, version, signature, signed) {
				return nil
			}
		}
	}
	return errors.New("no signature fits")
}

func fits(secret, version string, signature, signed []byte) bool {
	prefix, encoded, _ := strings.Cut(secret, "_")
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return false
	}
	switch {
	case version == "v1" && prefix == "whsec":
		mac := hmac.New(sha256.New, key)
		mac.Write(signed)
		return hmac.Equal(mac.Sum(nil), signature)
	case version == "v1a" && prefix == "whpk" && len(key) == ed25519.PublicKeySize:
		return ed25519.Verify(key, signed, signature)
	}
	return false
}
