/**
 * The receivers' snippets of docs/verify.md: the page shows the files as they are, and each that has its runtime here is run against
 * good, tampered, rotated and stale requests. Which could not be run is said.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { newSecretId } from '../../src/domain/ids.ts';
import { kindOf, newSecretOf, publicKeyOf, signatureHeader, type SigningSecret } from '../../src/domain/signing-secret.ts';

const folder = fileURLToPath(new URL('../../docs/snippets/', import.meta.url));
const page = readFileSync(new URL('../../docs/verify.md', import.meta.url), 'utf8');
const NOW_S = 1_767_225_600;

interface Case {
  readonly name: string;
  readonly isGood: boolean;
  readonly id: string;
  readonly timestamp: string;
  readonly signature: string;
  /** Base64. */
  readonly body: string;
  readonly secrets: readonly string[];
}

const secretOf = (secret: string): SigningSecret => ({ id: newSecretId(), kind: kindOf(secret), createdAt: null, expiresAt: null, secret });
const [current, before, other] = [newSecretOf('hmac'), newSecretOf('hmac'), newSecretOf('hmac')];
const pair = secretOf(newSecretOf('ed25519'));
const publicKey = publicKeyOf(pair) ?? '';
const BODY = Buffer.from('{"name":"Zoë 🎣","raw":"\u0000"}');

function signed(secrets: readonly SigningSecret[], { body = BODY, atS = NOW_S }: { readonly body?: Buffer; readonly atS?: number } = {}): Omit<Case, 'name' | 'isGood' | 'secrets'> {
  const timestamp = String(atS);
  return { id: 'evt_1', timestamp, signature: signatureHeader(secrets, { id: 'evt_1', timestamp, nowMs: atS * 1_000 }, body), body: body.toString('base64') };
}

const good = signed([secretOf(current)]);
const both = signed([secretOf(current), secretOf(before)]);
const HMAC_CASES: readonly Case[] = [
  { name: 'good', isGood: true, secrets: [current], ...good },
  { name: 'an empty body', isGood: true, secrets: [current], ...signed([secretOf(current)], { body: Buffer.alloc(0) }) },
  { name: 'bytes that are no text', isGood: true, secrets: [current], ...signed([secretOf(current)], { body: Buffer.from([0xff, 0x00, 0xfe]) }) },
  { name: 'rotated, a receiver with the new secret', isGood: true, secrets: [current], ...both },
  { name: 'rotated, a receiver with the old secret', isGood: true, secrets: [before], ...both },
  { name: 'a receiver that changes over and holds both', isGood: true, secrets: [current, before], ...signed([secretOf(before)]) },
  { name: 'beside a signature of another kind', isGood: true, secrets: [current], ...signed([pair, secretOf(current)]) },
  { name: 'just new enough', isGood: true, secrets: [current], ...signed([secretOf(current)], { atS: NOW_S - 300 }) },
  { name: 'stale', isGood: false, secrets: [current], ...signed([secretOf(current)], { atS: NOW_S - 301 }) },
  { name: 'from the future', isGood: false, secrets: [current], ...signed([secretOf(current)], { atS: NOW_S + 301 }) },
  { name: 'a tampered body', isGood: false, secrets: [current], ...good, body: Buffer.from('{"name":"Zoe"}').toString('base64') },
  { name: 'a tampered id', isGood: false, secrets: [current], ...good, id: 'evt_2' },
  { name: 'a tampered time', isGood: false, secrets: [current], ...good, timestamp: String(NOW_S + 1) },
  { name: 'another secret', isGood: false, secrets: [other], ...good },
  { name: 'no secret at all', isGood: false, secrets: [], ...good },
  { name: 'no signature', isGood: false, secrets: [current], ...good, signature: '' },
  { name: 'an empty signature', isGood: false, secrets: [current], ...good, signature: 'v1,' },
  { name: 'a signature that is no base64', isGood: false, secrets: [current], ...good, signature: 'v1,€€€ v1 , v1a,x' },
  { name: 'a time that is none', isGood: false, secrets: [current], ...good, timestamp: '1e9' },
];
const ED25519_CASES: readonly Case[] = [
  { name: 'ed25519, good', isGood: true, secrets: [publicKey], ...signed([pair]) },
  { name: 'ed25519, beside a secret of another kind', isGood: true, secrets: [publicKey], ...signed([secretOf(current), pair]) },
  { name: 'ed25519, tampered', isGood: false, secrets: [publicKey], ...signed([pair]), body: '' },
  { name: 'ed25519, signed by HMAC under the public key', isGood: false, secrets: [publicKey], ...signed([secretOf(`whsec_${publicKey.slice(5)}`)]) },
];

/** Reads the cases from `cases.txt`, a line each with its fields in base64 separated by spaces, and prints `yes` or `no` for each. */
const DRIVERS: Readonly<Record<string, string>> = {
  'drive.mjs': `import { readFileSync } from 'node:fs';
import { verifyWebhook } from './verify.mjs';
for (const line of readFileSync('cases.txt', 'utf8').trim().split('\\n')) {
  const [id, timestamp, signature, body, secrets] = line.split(' ').map((one) => Buffer.from(one, 'base64'));
  const headers = { 'webhook-id': String(id), 'webhook-timestamp': String(timestamp), 'webhook-signature': String(signature) };
  try { verifyWebhook((name) => headers[name], body, String(secrets).split(',').filter(Boolean), ${NOW_S}); console.log('yes'); } catch { console.log('no'); }
}`,
  'drive.py': `import base64
from verify import verify_webhook
for line in open("cases.txt"):
    id, timestamp, signature, body, secrets = [base64.b64decode(one) for one in line.rstrip("\\n").split(" ")]
    headers = {"webhook-id": id.decode(), "webhook-timestamp": timestamp.decode(), "webhook-signature": signature.decode()}
    try:
        verify_webhook(headers, body, [one for one in secrets.decode().split(",") if one], ${NOW_S})
        print("yes")
    except ValueError:
        print("no")
`,
  'drive_test.go': `package webhook
import ("encoding/base64"; "fmt"; "net/http"; "os"; "strings"; "testing"; "time")
func TestCases(t *testing.T) {
  text, _ := os.ReadFile("cases.txt")
  for _, line := range strings.Split(strings.TrimSuffix(string(text), "\\n"), "\\n") {
    var fields [5][]byte
    for index, one := range strings.Split(line, " ") { fields[index], _ = base64.StdEncoding.DecodeString(one) }
    header := http.Header{}
    for index, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature"} { header.Set(name, string(fields[index])) }
    var secrets []string
    if len(fields[4]) > 0 { secrets = strings.Split(string(fields[4]), ",") }
    if Verify(header, fields[3], secrets, time.Unix(${NOW_S}, 0)) == nil { fmt.Println("yes") } else { fmt.Println("no") }
  }
}`,
  'drive.rb': `require "./verify"
File.foreach("cases.txt", chomp: true) do |line|
  id, timestamp, signature, body, secrets = line.split(/ /, -1).map { |one| one.unpack1("m") }
  begin
    Webhook.verify!({ "webhook-id" => id, "webhook-timestamp" => timestamp, "webhook-signature" => signature }, body, secrets.split(","), ${NOW_S})
    puts "yes"
  rescue ArgumentError
    puts "no"
  end
end`,
  'Drive.java': `import java.nio.file.*; import java.util.*;
public class Drive {
  public static void main(String[] args) throws Exception {
    for (String line : Files.readAllLines(Path.of("cases.txt"))) {
      List<byte[]> fields = new ArrayList<>();
      for (String one : line.split(" ", -1)) fields.add(Base64.getDecoder().decode(one));
      List<String> secrets = new ArrayList<>(List.of(new String(fields.get(4)).split(",")));
      secrets.removeIf(String::isEmpty);
      Map<String, String> headers = Map.of("webhook-id", new String(fields.get(0)), "webhook-timestamp", new String(fields.get(1)), "webhook-signature", new String(fields.get(2), "UTF-8"));
      try { Verify.verify(headers, fields.get(3), secrets, ${NOW_S}L); System.out.println("yes"); } catch (SecurityException refused) { System.out.println("no"); }
    }
  }
}`,
};

interface Snippet {
  readonly file: string;
  readonly driver: string;
  /** Asked for its version, to see whether it is here. */
  readonly probe: readonly [string, ...string[]];
  readonly runs: readonly (readonly [string, ...string[]])[];
  readonly cases: readonly Case[];
}

const ALL = [...HMAC_CASES, ...ED25519_CASES];
const SNIPPETS: readonly Snippet[] = [
  { file: 'verify.mjs', driver: 'drive.mjs', probe: ['node', '--version'], runs: [['node', 'drive.mjs']], cases: ALL },
  { file: 'verify.py', driver: 'drive.py', probe: ['python3', '--version'], runs: [['python3', 'drive.py']], cases: HMAC_CASES },
  { file: 'verify.go', driver: 'drive_test.go', probe: ['go', 'version'], runs: [['go', 'mod', 'init', 'webhook'], ['go', 'test', '-v', '-vet=off', '-count=1', '.']], cases: ALL },
  { file: 'verify.rb', driver: 'drive.rb', probe: ['ruby', '--version'], runs: [['ruby', 'drive.rb']], cases: HMAC_CASES },
  { file: 'Verify.java', driver: 'Drive.java', probe: ['javac', '--version'], runs: [['javac', 'Verify.java', 'Drive.java'], ['java', 'Drive']], cases: ALL },
];

const isHere = ([program, ...args]: Snippet['probe']): boolean => spawnSync(program, args, { stdio: 'ignore' }).status === 0;
const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** What the snippet says to each case. */
function answersOf({ file, driver, runs, cases }: Snippet): readonly boolean[] {
  const place = mkdtempSync(join(tmpdir(), 'hooktail-snippet-'));
  try {
    copyFileSync(join(folder, file), join(place, file));
    writeFileSync(join(place, driver), DRIVERS[driver] ?? '');
    writeFileSync(join(place, 'cases.txt'), cases.map(({ id, timestamp, signature, body, secrets }) => [base64(id), base64(timestamp), base64(signature), body, base64(secrets.join(','))].join(' ')).join('\n') + '\n');
    let output = '';
    for (const [program, ...args] of runs) {
      const { status, stdout, stderr } = spawnSync(program, args, { cwd: place, encoding: 'utf8' });
      assert.equal(status, 0, `${program}: ${stdout}${stderr}`);
      output = stdout;
    }
    return output.split('\n').filter((line) => line === 'yes' || line === 'no').map((line) => line === 'yes');
  } finally {
    rmSync(place, { recursive: true });
  }
}

describe('the snippets for receivers', () => {
  test('are all shown on the page as they are, and tested here', () => {
    const files = readdirSync(folder).sort();
    assert.deepEqual(SNIPPETS.map(({ file }) => file).sort(), files);
    for (const file of files) assert.ok(page.includes(`\n${readFileSync(join(folder, file), 'utf8').trimEnd()}\n\`\`\`\n`), `Expected docs/verify.md to show ${file} as it is`);
  });

  const here = SNIPPETS.filter(({ probe }) => isHere(probe));
  for (const snippet of here) {
    test(`${snippet.file} takes what is good, and nothing else`, () => {
      const answers = answersOf(snippet);
      assert.deepEqual(snippet.cases.map(({ name }, index) => [name, answers[index]]), snippet.cases.map(({ name, isGood }) => [name, isGood]));
    });
  }

  test('that could not be run for want of their runtime are these', (context) => {
    const missing = SNIPPETS.filter((snippet) => !here.includes(snippet));
    for (const { file, probe: [program] } of missing) context.diagnostic(`${file} was not run: ${program} is not installed`);
    for (const file of ['verify.mjs', 'verify.py']) assert.ok(!missing.some((snippet) => snippet.file === file), `${file} runs everywhere`);
  });
});
