import type { FieldCase, FieldFile, Refused } from '../field-case.ts'

const A = 'Content-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n'
const B = 'Content-Disposition: form-data; name="file"; filename="b.txt"\r\nContent-Type: text/plain\r\n\r\n'

const both: readonly FieldFile[] = [
  { stored: 'one', text: 'ONE' },
  { stored: 'two', text: 'TWO' },
]
const malformed = (detail: RegExp): Refused => ({ status: 400, problem: 'malformed-multipart', detail })

function structure(
  what: string,
  body: string | Uint8Array,
  expected: FieldCase['expected'],
  boundary = 'XX',
): FieldCase {
  return { what, send: { contentType: `multipart/form-data; boundary=${boundary}`, body }, expected }
}

/** The structure of forms, valid or damaged. No form loses a part. */
export const formStructure: readonly FieldCase[] = [
  structure(
    'a form whose second delimiter has a blank at its end',
    `--XX\r\n${A}one\r\n--XX \r\n${B}two\r\n--XX--\r\n`,
    both,
  ),
  structure('a form whose delimiters end with tabs', `--XX\t\r\n${A}one\r\n--XX\t \r\n${B}two\r\n--XX--\t\r\n`, both),
  structure(
    'a form with a line end before its first delimiter',
    `\r\n--XX\r\n${A}one\r\n--XX\r\n${B}two\r\n--XX--\r\n`,
    both,
  ),
  structure(
    'a form with words before and behind its parts',
    `This is MIME.\r\n--XX\r\n${A}one\r\n--XX\r\n${B}two\r\n--XX--\r\nbye`,
    both,
  ),
  structure(
    'a form without a line end behind its last delimiter',
    `--XX\r\n${A}one\r\n--XX\r\n${B}two\r\n--XX--`,
    both,
  ),
  structure(
    'a form whose second part has a blank before a colon',
    `--XX\r\n${A}one\r\n--XX\r\n${B.replace(':', ' :')}two\r\n--XX--\r\n`,
    both,
  ),
  structure(
    'a form whose second part has its headers folded',
    `--XX\r\n${A}one\r\n--XX\r\n${B.replaceAll('; ', ';\r\n\t')}two\r\n--XX--\r\n`,
    both,
  ),
  structure(
    'a form whose second part has forty headers',
    `--XX\r\n${A}one\r\n--XX\r\n${'X-A: b\r\n'.repeat(40)}${B}two\r\n--XX--\r\n`,
    both,
  ),
  structure(
    'a form whose second part has a header of 90 KB',
    `--XX\r\n${A}one\r\n--XX\r\nX-A: ${'b'.repeat(90_000)}\r\n${B}two\r\n--XX--\r\n`,
    both,
  ),
  structure(
    'a form whose parts have no blanks in their headers',
    `--XX\r\n${A.replaceAll(': ', ':').replaceAll('; ', ';')}one\r\n--XX\r\n${B}two\r\n--XX--\r\n`,
    both,
  ),
  structure(
    'a form of boundary "a" with a line "--ab" in its file',
    `--a\r\n${A}head\r\n--ab\r\ntail\r\n--a--\r\n`,
    { stored: 'head\r\n--ab\r\ntail' },
    'a',
  ),
  structure(
    'a form of boundary "a" with a line "--a--b" in its file',
    `--a\r\n${A}head\r\n--a--b\r\ntail\r\n--a--\r\n`,
    { stored: 'head\r\n--a--b\r\ntail' },
    'a',
  ),
  structure(
    'a form whose file has the boundary inside of a line',
    `--XX\r\n${A}see --XX\r\nand --XX-- there\r\n--XX--\r\n`,
    { stored: 'see --XX\r\nand --XX-- there' },
  ),
  structure('a form whose file ends with line ends and dashes', `--XX\r\n${A}one\r\n\r\n--\r\n-\r\n--XX--\r\n`, {
    stored: 'one\r\n\r\n--\r\n-',
  }),
  structure('a form whose file begins with a line end', `--XX\r\n${A}\r\n\r\none\r\n--XX--\r\n`, {
    stored: '\r\n\r\none',
  }),
  structure(
    'a form with an empty file whose delimiter follows its headers',
    `--XX\r\n${A}--XX\r\n${B}two\r\n--XX--\r\n`,
    [{ stored: '' }, { stored: 'two' }],
  ),
  structure(
    'a form with a form of another boundary as its file',
    `--XX\r\n${A}--YY\r\n${B}two\r\n--YY--\r\n\r\n--XX--\r\n`,
    { stored: `--YY\r\n${B}two\r\n--YY--\r\n` },
  ),
  structure(
    'a form of a quoted boundary with blanks',
    `--a b\r\n${A}one\r\n--a b\r\n${B}two\r\n--a b--\r\n`,
    both,
    '"a b"',
  ),
  structure(
    'a form of an unquoted boundary with an equals sign, as Java mail writes it',
    `------=_Part_1_2.3\r\n${A}one\r\n------=_Part_1_2.3\r\n${B}two\r\n------=_Part_1_2.3--\r\n`,
    both,
    '----=_Part_1_2.3',
  ),

  structure(
    'a form whose lines end with LF',
    `--XX\r\n${A}one\r\n--XX--\r\n`.replaceAll('\r', ''),
    malformed(/byte 0 .*CR LF/),
  ),
  structure(
    'a form with LF before its second delimiter',
    `--XX\r\n${A}one\n--XX\r\n${B}two\r\n--XX--\r\n`,
    malformed(/byte \d+ .*CR LF/),
  ),
  structure(
    'a form with LF behind its second delimiter',
    `--XX\r\n${A}one\r\n--XX\n${B}two\r\n--XX--\r\n`,
    malformed(/byte \d+ .*CR LF/),
  ),
  structure(
    'a form without a line end before its second delimiter',
    `--XX\r\n${A}one--XX\r\n${B}two\r\n--XX--\r\n`,
    malformed(/part of the form starts after byte/),
  ),
  structure(
    'a form with an indented second delimiter',
    `--XX\r\n${A}one\r\n  --XX\r\n${B}two\r\n--XX--\r\n`,
    malformed(/part of the form starts after byte/),
  ),
  structure(
    'a form with a part before its first delimiter',
    `${A}one\r\n--XX\r\n${B}two\r\n--XX--\r\n`,
    malformed(/part before its first delimiter/),
  ),
  structure(
    'two forms in one body',
    `--XX\r\n${A}one\r\n--XX--\r\n--XX\r\n${B}two\r\n--XX--\r\n`,
    malformed(/part after its last delimiter/),
  ),
  structure('a form without its last delimiter', `--XX\r\n${A}one\r\n--XX\r\n${B}two\r\n`, malformed(/ends in part 2/)),
  structure(
    'a form that ends in the headers of its second part',
    `--XX\r\n${A}one\r\n--XX\r\nContent-Disp`,
    malformed(/headers of part 2/),
  ),
  structure(
    'a form whose second part has no headers',
    `--XX\r\n${A}one\r\n--XX\r\n\r\ntwo\r\n--XX--\r\n`,
    malformed(/Part 2 has no Content-Disposition header/),
  ),
  structure(
    'a form whose second part has a CR inside a header',
    `--XX\r\n${A}one\r\n--XX\r\nX: a\rb\r\n${B}two\r\n--XX--\r\n`,
    malformed(/part 2 contains a line break/),
  ),
  structure(
    'a form whose second part has a control character in the name of a header',
    `--XX\r\n${A}one\r\n--XX\r\nX\x01: a\r\n${B}two\r\n--XX--\r\n`,
    malformed(/part 2 has an invalid name/),
  ),
  structure(
    'a form whose second part is an attachment',
    `--XX\r\n${A}one\r\n--XX\r\n${B.replace('form-data', 'attachment')}two\r\n--XX--\r\n`,
    malformed(/part 2 is "attachment"\. It must be form-data/),
  ),
  structure(
    'a form whose second part has neither a name nor a filename',
    `--XX\r\n${A}one\r\n--XX\r\nContent-Disposition: form-data\r\n\r\ntwo\r\n--XX--\r\n`,
    malformed(/Part 2 has neither a name nor a filename/),
  ),
  structure(
    'a form whose second part has two file names',
    `--XX\r\n${A}one\r\n--XX\r\n${B.replace('"b.txt"', '"b.txt"; filename="c.txt"')}two\r\n--XX--\r\n`,
    malformed(/part 2 has two different values for filename/),
  ),
  structure(
    'a form with base64 in a part',
    `--XX\r\n${A.replace('\r\n\r\n', '\r\nContent-Transfer-Encoding: base64\r\n\r\n')}aGVsbG8=\r\n--XX--\r\n`,
    malformed(/Part 1 has the Content-Transfer-Encoding "base64"/),
  ),
  structure(
    'a form with quoted-printable in a part',
    `--XX\r\n${A.replace('\r\n\r\n', '\r\nContent-Transfer-Encoding: Quoted-Printable\r\n\r\n')}caf=C3=A9\r\n--XX--\r\n`,
    malformed(/Quoted-Printable/),
  ),
  structure(
    'a form with 8bit in a part',
    `--XX\r\n${A.replace('\r\n\r\n', '\r\nContent-Transfer-Encoding: 8Bit\r\n\r\n')}one\r\n--XX--\r\n`,
    { stored: 'one' },
  ),
  structure(
    'a form with a compressed part',
    `--XX\r\n${A.replace('\r\n\r\n', '\r\nContent-Encoding: gzip\r\n\r\n')}one\r\n--XX--\r\n`,
    malformed(/Content-Encoding "gzip"/),
  ),
  structure(
    'a form with parts in a part, as old browsers sent several files',
    '--XX\r\nContent-Disposition: form-data; name="files"\r\nContent-Type: multipart/mixed; boundary=YY\r\n\r\n--YY\r\nContent-Disposition: file; filename="a.txt"\r\n\r\none\r\n--YY--\r\n--XX--\r\n',
    malformed(/Part 1 contains other parts/),
  ),
  structure('a form of another boundary than it says', `--YY\r\n${A}one\r\n--YY--\r\n`, malformed(/no line "--XX"/)),
]
