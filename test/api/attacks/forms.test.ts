import t from 'tap'
import { type Attack, as, makeAttacks, setScene } from './attack.ts'

const END = '--b--\r\n'
const FILE = 'Content-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\nx\r\n'

/** Returns a part of a form from its headers and its content. */
const part = (disposition: string, content = 'x', more: string[] = []) =>
  `--b\r\n${[`Content-Disposition: ${disposition}`, ...more].join('\r\n')}\r\n\r\n${content}\r\n`
const file = (parameters: string, more: string[] = ['Content-Type: text/plain']) =>
  part(`form-data; name="file"; ${parameters}`, 'x', more)

const formAttack = (
  what: string,
  body: string,
  gets: Attack['gets'],
  type = 'multipart/form-data; boundary=b',
): Attack => ({
  what: `forms: ${what}`,
  send: ({ attacker }) => ({
    method: 'POST',
    path: '/uploads',
    headers: as(attacker, ['Content-Type', type]),
    body: Buffer.from(body, 'latin1'),
  }),
  gets,
})

const MALFORMED = '400 malformed-multipart'
const NAME = '400 invalid-filename'

const attacks: Attack[] = [
  formAttack('no boundary', `--b\r\n${FILE}${END}`, MALFORMED, 'multipart/form-data'),
  formAttack('an empty boundary', `--b\r\n${FILE}${END}`, MALFORMED, 'multipart/form-data; boundary='),
  formAttack('another boundary', `--c\r\n${FILE}--c--\r\n`, MALFORMED),
  formAttack(
    'a boundary of 10,000 characters',
    `--b\r\n${FILE}${END}`,
    MALFORMED,
    `multipart/form-data; boundary=${'b'.repeat(10_000)}`,
  ),
  formAttack(
    'another kind of multipart',
    `--b\r\n${FILE}${END}`,
    '415 unsupported-media-type',
    'multipart/mixed; boundary=b',
  ),
  formAttack('no end', `--b\r\n${FILE}`, MALFORMED),
  formAttack('an end in the middle of a head', '--b\r\nContent-Disposition: form', MALFORMED),
  formAttack('nothing', '', '400 missing-file'),
  formAttack('only an end', END, '400 missing-file'),
  formAttack('text', 'hello', MALFORMED),
  formAttack('zeros', '\0'.repeat(5_000), MALFORMED),
  formAttack('a part without a disposition', `--b\r\nContent-Type: text/plain\r\n\r\nx\r\n${END}`, MALFORMED),
  formAttack('a part that is no form-data', `${part('attachment; filename="a"')}${END}`, MALFORMED),
  formAttack('a part without a head', `--b\r\n\r\nx\r\n${END}`, MALFORMED),
  formAttack('a field that is called as a file', `${part('form-data; name="file"')}${END}`, '400 missing-file'),
  formAttack(
    'a head of 90 KB of which nothing counts',
    `${file('filename="a"', [`X-A: ${'a'.repeat(90_000)}`])}${END}`,
    '200',
  ),
  formAttack(
    'a thousand headers',
    `${part(
      'form-data; name="a"',
      'x',
      Array.from({ length: 1_000 }, (_, i) => `X-${i}: a`),
    )}${END}`,
    '400 missing-file',
  ),
  formAttack('seventeen fields', `${part('form-data; name="a"').repeat(17)}${file('filename="a"')}${END}`, MALFORMED),
  formAttack('a thousand parts', `${part('form-data; name="a"').repeat(1_000)}${END}`, MALFORMED),
  formAttack('a thousand parts that are nothing', `${part('attachment').repeat(1_000)}${END}`, MALFORMED),
  formAttack('eleven files', `${file('filename="a"').repeat(11)}${END}`, '400 too-many-files'),
  formAttack(
    'a field with the name of the prototype',
    `${part('form-data; name="__proto__"')}${file('filename="a"')}${END}`,
    '200',
  ),
  formAttack(
    'a file with the name of the prototype',
    `${part('form-data; name="__proto__"; filename="a"')}${END}`,
    '200',
  ),
  formAttack(
    'a field called constructor',
    `${part('form-data; name="constructor"')}${file('filename="a"')}${END}`,
    '200',
  ),
  formAttack(
    'a name that is JSON',
    `${part('form-data; name="filename"', '{"a":1}', ['Content-Type: application/json'])}${file('filename="a"')}${END}`,
    MALFORMED,
  ),
  formAttack(
    'invalid JSON in an unknown field',
    `${part('form-data; name="a"', '{', ['Content-Type: application/json'])}${file('filename="a"')}${END}`,
    '200',
  ),
  formAttack(
    'JSON with a prototype, in a field that means nothing',
    `${part('form-data; name="a"', '{"__proto__":{}}', ['Content-Type: application/json'])}${file('filename="a"')}${END}`,
    '200',
  ),
  formAttack(
    'a name of 9,000 bytes',
    `${part('form-data; name="filename"', 'a'.repeat(9_000))}${file('filename="a"')}${END}`,
    MALFORMED,
  ),
  formAttack(
    'a name behind the file',
    `${file('filename="a"')}${part('form-data; name="filename"', 'b')}${END}`,
    MALFORMED,
  ),
  formAttack(
    'a digest behind the file',
    `${file('filename="a"')}${part('form-data; name="repr-digest"', 'sha-256=:AAAA:')}${END}`,
    '400 invalid-digest',
  ),
  formAttack('a path', `${file('filename="../a"')}${END}`, NAME),
  formAttack('an absolute path is a name in a directory', `${file('filename="/etc/passwd"')}${END}`, '200'),
  formAttack('a path of Windows is a name in a directory', `${file('filename="C:\\\\a.txt"')}${END}`, '200'),
  formAttack('a path that leads upwards on the way', `${file('filename="/a/../etc/passwd"')}${END}`, NAME),
  formAttack('a path without a name', `${file('filename="/etc/"')}${END}`, NAME),
  formAttack('an encoded path', `${file("filename*=UTF-8''..%2fa")}${END}`, NAME),
  formAttack('an encoded path beside a name', `${file('filename="a"; filename*=UTF-8\'\'..%2fb')}${END}`, NAME),
  formAttack('an empty name', `${file('filename=""')}${END}`, NAME),
  formAttack('a name of dots', `${file('filename=".."')}${END}`, NAME),
  formAttack('a NUL in the name', `${file('filename="a\0b"')}${END}`, NAME),
  formAttack(
    'a path in the field that names it',
    `${part('form-data; name="filename"', '../../a')}${file('filename="a"')}${END}`,
    NAME,
  ),
  formAttack(
    'an invalid type',
    `${file('filename="a"', ['Content-Type: nonsense'])}${END}`,
    '400 invalid-content-type',
  ),
  formAttack(
    'a program called text',
    `${part('form-data; name="file"; filename="a"', '\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0', ['Content-Type: text/plain'])}${END}`,
    '415 content-type-contradicted',
  ),
  formAttack(
    'more bytes than the maximum',
    `${part('form-data; name="file"; filename="a"', 'a'.repeat(100_001), ['Content-Type: text/plain'])}${END}`,
    '413 payload-too-large',
  ),
  formAttack(
    'two megabytes before the first part',
    `${'a'.repeat(2_000_000)}\r\n${file('filename="a"')}${END}`,
    MALFORMED,
  ),
  formAttack(
    'two megabytes in a part that is nothing',
    `${part('attachment', 'a'.repeat(2_000_000))}${file('filename="a"')}${END}`,
    MALFORMED,
  ),
  formAttack(
    'two megabytes in a field',
    `${part('form-data; name="a"', 'a'.repeat(2_000_000))}${file('filename="a"')}${END}`,
    MALFORMED,
  ),
  formAttack(
    'base64',
    `${file('filename="a"', ['Content-Type: text/plain', 'Content-Transfer-Encoding: base64'])}${END}`,
    MALFORMED,
  ),
  formAttack('ten thousand parts that are empty', `${'--b\r\n\r\n\r\n'.repeat(10_000)}${END}`, MALFORMED),
  formAttack('ten thousand boundaries', `${'--b\r\n'.repeat(10_000)}${END}`, MALFORMED),
  formAttack('a boundary over and over in one line', '--b'.repeat(100_000), MALFORMED),
  formAttack(
    'a megabyte in one header of a part',
    `${file('filename="a"', [`X-A: ${'a'.repeat(1_048_576)}`])}${END}`,
    MALFORMED,
  ),
  formAttack('a name of a megabyte', `${file(`filename="${'a'.repeat(1_048_576)}"`)}${END}`, MALFORMED),
  formAttack(
    'a form in a form',
    `${part('form-data; name="file"', '--c\r\nContent-Disposition: file; filename="a"\r\n\r\nx\r\n--c--', ['Content-Type: multipart/mixed; boundary=c'])}${END}`,
    MALFORMED,
  ),
  formAttack('line feeds for line ends', `${file('filename="a"')}${END}`.replaceAll('\r\n', '\n'), MALFORMED),
  formAttack('a longer boundary at the end', `${file('filename="a"')}--bb--\r\n`, MALFORMED),
  formAttack(
    'an end in the middle of a line',
    '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx--b--\r\n',
    MALFORMED,
  ),
  formAttack(
    'a second boundary that is another',
    `${file('filename="a"')}${END}`,
    MALFORMED,
    'multipart/form-data; boundary=c; boundary=b',
  ),
  formAttack(
    'a boundary with a quote that does not end is accepted',
    `${file('filename="a"')}${END}`,
    '200',
    'multipart/form-data; boundary="b',
  ),
  formAttack('a name in pieces that make a path', `${file('filename*0="a"; filename*1="/../b"')}${END}`, MALFORMED),
  formAttack('a control in another charset', `${file("filename*=iso-8859-1''a%85b")}${END}`, NAME),
  formAttack('a line feed in the name', `${file('filename="a\nb"')}${END}`, MALFORMED),
  formAttack('a carriage return in the name', `${file('filename="a\rb"')}${END}`, MALFORMED),
  formAttack('a field called toString', `${part('form-data; name="toString"')}${file('filename="a"')}${END}`, '200'),
  formAttack(
    'a type with a NUL',
    `${file('filename="a"', ['Content-Type: text/pl\0ain'])}${END}`,
    '400 invalid-content-type',
  ),
  formAttack(
    'a type of 300 characters',
    `${file('filename="a"', [`Content-Type: a/${'b'.repeat(300)}`])}${END}`,
    '400 invalid-content-type',
  ),
  formAttack(
    'a digest of the file, and another one before it',
    `${part('form-data; name="repr-digest"', 'sha-256=:LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=:')}${part('form-data; name="repr-digest"', `sha-256=:${'A'.repeat(43)}=:`)}${file('filename="a"')}${END}`,
    '400 digest-mismatch',
  ),
  formAttack(
    'a third file whose name is a path',
    `${file('filename="a"').repeat(2)}${file('filename="../c"')}${END}`,
    NAME,
  ),
  formAttack(
    'base64 in a name',
    `${part('form-data; name="filename"', 'Li4veA==', ['Content-Transfer-Encoding: base64'])}${file('filename="a"')}${END}`,
    MALFORMED,
  ),
  formAttack(
    'a path in UTF-7 is a name',
    `${part('form-data; name="filename"', '+AC8-a', ['Content-Type: text/plain; charset=utf-7'])}${file('filename="a"')}${END}`,
    '200',
  ),
  formAttack('a line end in a name, as browsers encode it', `${file('filename="a%0D%0AX: b"')}${END}`, NAME),
  formAttack(
    'a NUL in the name of a field is nobody’s',
    `${part('form-data; name="fi\0le"; filename="a"')}${END}`,
    '200',
  ),
  formAttack('a field behind the file', `${file('filename="a"')}${part('form-data; name="note"', 'y')}${END}`, '200'),
  formAttack('ten files of one name', `${file('filename="a"').repeat(10)}${END}`, '200'),
  formAttack(
    'a boundary with a blank',
    '--b b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n--b b--\r\n',
    '200',
    'multipart/form-data; boundary="b b"',
  ),
  formAttack('words before the first part', `hello\r\n${file('filename="a"')}${END}`, '200'),
  formAttack('words behind the last part', `${file('filename="a"')}${END}hello`, '200'),
]

t.test('a malformed form, or one that hides a part, is rejected and leaves nothing', async t => {
  await makeAttacks(t, await setScene(t), attacks)
})
