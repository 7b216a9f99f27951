# Ruby 2.7 or later, no gems.
require "openssl"

module Webhook
  TOLERANCE_S = 300

  # headers: a hash with lower-case names. body: the raw bytes, before any JSON parser has seen them. secrets: whsec_..., the current
  # one, and while you change over the one before. Raises ArgumentError when the request must not be trusted.
  def self.verify!(headers, body, secrets, now = Time.now.to_i)
    id, timestamp, signatures = %w[webhook-id webhook-timestamp webhook-signature].map { |name| headers[name].to_s }
    raise ArgumentError, "a webhook header is missing" if id.empty? || signatures.empty?
    raise ArgumentError, "the timestamp is too far from now" unless timestamp.match?(/\A\d{1,12}\z/) && (now - timestamp.to_i).abs <= TOLERANCE_S

    signed = "#{id}.#{timestamp}.".b + body.b
    given = signatures.split(" ").select { |one| one.start_with?("v1,") }.map { |one| one.delete_prefix("v1,") }
    fits = secrets.any? do |secret|
      expected = [OpenSSL::HMAC.digest("SHA256", secret.delete_prefix("whsec_").unpack1("m"), signed)].pack("m0")
      given.any? { |signature| signature.bytesize == expected.bytesize && OpenSSL.fixed_length_secure_compare(expected, signature) }
    end
    raise ArgumentError, "no signature fits" unless fits
  end
end
