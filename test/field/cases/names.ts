import type { FieldCase } from '../field-case.ts'

/** Names that stay unchanged in every upload format. */
const kept: ReadonlyArray<readonly [kind: string, name: string]> = [
  ['in Japanese with blanks', '見積 書.txt'],
  ['of a screenshot of macOS', 'Screenshot 2026-11-30 at 4.09.02\u202Fp.m..txt'],
  ['with two dots inside', 'a..b.txt'],
  ['of dots', '...'],
  ['that begins with dots', '..hidden.txt'],
  ['that ends with dots', 'report...'],
  ['of a hidden file', '.env'],
  ['with an emoji of several characters', '👩‍👩‍👧‍👦 👍🏽.txt'],
  ['in Arabic', 'تقرير نهائي.txt'],
  ['in Hebrew and Latin', 'דוח final.txt'],
  ['with combining marks', 'Z\u0351\u036B\u0343a\u0300\u0301\u0302lgo.txt'],
  ['with characters of no width', 'a\u200Bb\u200C\u2060c\uFEFF.txt'],
  ['that begins with a byte-order mark', '\uFEFFa.txt'],
  ['with blanks at both ends', ' a .txt '],
  ['of Windows’ reserved names', 'CON.txt'],
  ['with percent signs', '100%25 %22 %00 %zz.txt'],
  ['with quotes', `"a" 'b' \`c\`.txt`],
  ['with characters of shells', '$(rm -rf ~) ; & | * ? <> #.txt'],
  ['of markup', '<script>alert(1)<script>.txt'],
  ['of SQL', "1'; DROP TABLE uploads; -- .txt"],
  ['of a template', '{{<%[%\'"}}%\u00A7.txt'],
  ['of the prototype', '__proto__'],
  ['of 255 characters', `${'n'.repeat(251)}.txt`],
  ['in full width', '／ＰＡＴＨ．txt'],
  ['with a plus and an ampersand', 'a+b&c=d.txt'],
  ['with characters beyond the first plane', '𝒜𝓃𝓃 𠜎.txt'],
  ['that looks like a URL', 'http:%2F%2Fa.example%2Fb?c=d#e.txt'],
]

const keptByRaw = kept.map(
  ([kind, name]): FieldCase => ({
    what: `a name ${kind}`,
    send: { filename: name, contentType: 'text/plain', body: 'hi' },
    expected: { text: 'HI', upload: { filename: name } },
  }),
)

/** Encodes a name as in WHATWG's form encoding. */
const inForm = (name: string) => name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A')

const keptByForm = kept
  .filter(([, name]) => !name.includes('%'))
  .map(
    ([kind, name]): FieldCase => ({
      what: `a name ${kind}, in a form`,
      send: formOf(name),
      expected: { text: 'HI', upload: { filename: name } },
    }),
  )

const refused: ReadonlyArray<readonly [kind: string, name: string, detail: RegExp]> = [
  ['that is the directory above', '..', /is "\." or "\.\."/],
  ['with a line break', 'a\r\nb.txt', /U\+000D at position 2/],
  ['with a NUL', 'a\0.txt', /U\+0000 at position 2/],
  ['that turns around what follows', 'a\u202Etxt.exe', /U\+202E at position 2/],
  ['of blanks', ' \u3000 ', /blanks only/],
  ['of 2,000 bytes', 'é'.repeat(1_000), /longer than 1024 bytes/],
]

const refusals = refused.flatMap(([kind, name, detail]): FieldCase[] => {
  const expected = { status: 400, problem: 'invalid-filename', detail }
  return [
    { what: `a name ${kind}`, send: { filename: name, contentType: 'text/plain', body: 'hi' }, expected },
    { what: `a name ${kind}, in a form`, send: formOf(name), expected },
  ]
})

function formOf(name: string): FieldCase['send'] {
  const head = `Content-Disposition: form-data; name="file"; filename="${inForm(name)}"\r\nContent-Type: text/plain`
  return { contentType: 'multipart/form-data; boundary=XX', body: `--XX\r\n${head}\r\n\r\nhi\r\n--XX--\r\n` }
}

/** Names of files. */
export const names: readonly FieldCase[] = [...keptByRaw, ...keptByForm, ...refusals]
