# Reads messages (JSON, an array of base64) and prints what Ruby's mail gem finds in the header of each.
require "json"
require "mail"

def plain(value)
  value.to_s.dup.force_encoding("BINARY").encode("UTF-8", invalid: :replace, undef: :replace)
end

def read(octets)
  mail = Mail.new(octets)
  {
    fields: mail.header.fields.map { |field| [field.name, plain(field.value), plain((field.decoded rescue ""))] },
    authors: Array(mail.from).map { |address| plain(address) },
    recipients: %i[to cc bcc resent_to resent_cc].flat_map { |name| Array(mail.public_send(name)) }.map { |one| plain(one) },
    ids: [mail.in_reply_to, mail.references].flatten.compact.map { |id| plain(id) },
    body: [mail.body.raw_source.b].pack("m0")
  }
rescue StandardError => error # some headers break the parser, and the application with it
  { fields: [["crashed", error.class.name, ""]], authors: [], recipients: [], ids: [], body: "" }
end

puts JSON.generate(JSON.parse($stdin.read).map { |written| read(written.unpack1("m")) })
