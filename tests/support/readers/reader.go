// Reads messages (JSON, an array of base64) and prints what Go's net/mail finds in the header of each.
package main

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/mail"
	"os"
)

type found struct {
	Fields     [][3]string `json:"fields"`
	Authors    []string    `json:"authors"`
	Recipients []string    `json:"recipients"`
	Ids        []string    `json:"ids"`
	Body       []byte      `json:"body"`
}

func addresses(header mail.Header, names ...string) []string {
	all := []string{}
	for _, name := range names {
		list, err := header.AddressList(name)
		if err != nil {
			continue
		}
		for _, one := range list {
			all = append(all, one.Address)
		}
	}
	return all
}

func read(octets []byte) found {
	seen := found{Fields: [][3]string{}, Authors: []string{}, Recipients: []string{}, Ids: []string{}, Body: []byte{}}
	message, err := mail.ReadMessage(bytes.NewReader(octets))
	if err != nil {
		return seen
	}
	decoder := new(mime.WordDecoder)
	for name, values := range message.Header {
		for _, value := range values {
			decoded, _ := decoder.DecodeHeader(value)
			seen.Fields = append(seen.Fields, [3]string{name, value, decoded})
		}
	}
	seen.Authors = addresses(message.Header, "From")
	seen.Recipients = addresses(message.Header, "To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Delivered-To")
	seen.Ids = append(append(seen.Ids, message.Header["In-Reply-To"]...), message.Header["References"]...)
	seen.Body, _ = io.ReadAll(message.Body)
	return seen
}

func main() {
	messages := [][]byte{}
	if err := json.NewDecoder(os.Stdin).Decode(&messages); err != nil {
		panic(err)
	}
	all := []found{}
	for _, octets := range messages {
		all = append(all, read(octets))
	}
	if err := json.NewEncoder(os.Stdout).Encode(all); err != nil {
		panic(err)
	}
}
