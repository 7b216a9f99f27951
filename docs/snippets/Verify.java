// Java 17 or later, no libraries.
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public final class Verify {
    private static final long TOLERANCE_S = 300;
    private static final byte[] SPKI_HEAD = HexFormat.of().parseHex("302a300506032b6570032100");

    /**
     * headers: by lower-case name. body: the raw bytes, before any JSON parser has seen them. secrets: whsec_… and whpk_…, the current one,
     * and while you change over the one before. Throws SecurityException when the request must not be trusted.
     */
    public static void verify(Map<String, String> headers, byte[] body, List<String> secrets, long nowSeconds) {
        String id = headers.getOrDefault("webhook-id", ""), timestamp = headers.getOrDefault("webhook-timestamp", "");
        String signatures = headers.getOrDefault("webhook-signature", "");
        if (id.isEmpty() || signatures.isEmpty()) throw new SecurityException("a webhook header is missing");
        if (!timestamp.matches("[0-9]{1,12}") || Math.abs(nowSeconds - Long.parseLong(timestamp)) > TOLERANCE_S) throw new SecurityException("the timestamp is too far from now");
        byte[] signed = concat((id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8), body);
        for (String secret : secrets) {
            for (String one : signatures.split(" ")) {
                if (fits(secret, one, signed)) return;
            }
        }
        throw new SecurityException("no signature fits");
    }

    private static boolean fits(String secret, String given, byte[] signed) {
        try {
            byte[] key = Base64.getDecoder().decode(secret.substring(secret.indexOf('_') + 1));
            byte[] signature = Base64.getDecoder().decode(given.substring(given.indexOf(',') + 1));
            if (given.startsWith("v1,") && secret.startsWith("whsec_")) {
                Mac mac = Mac.getInstance("HmacSHA256");
                mac.init(new SecretKeySpec(key, "HmacSHA256"));
                return MessageDigest.isEqual(mac.doFinal(signed), signature);
            }
            if (given.startsWith("v1a,") && secret.startsWith("whpk_")) {
                Signature verifier = Signature.getInstance("Ed25519");
                verifier.initVerify(KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(concat(SPKI_HEAD, key))));
                verifier.update(signed);
                return verifier.verify(signature);
            }
            return false;
        } catch (GeneralSecurityException | IllegalArgumentException unusable) {
            return false;
        }
    }

    private static byte[] concat(byte[] first, byte[] second) {
        byte[] both = java.util.Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        return both;
    }
}
