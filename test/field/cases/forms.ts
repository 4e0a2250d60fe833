import type { FieldCase, FieldFile } from '../field-case.ts'

const lines = (...parts: string[]) => parts.join('\r\n')

/** A body of `multipart/form-data` as a client writes it: the lines of each part, between delimiters. */
function form(what: string, boundary: string, parts: readonly string[], expected: FieldCase['expected']): FieldCase {
  const body = `${parts.map(part => `--${boundary}\r\n${part}\r\n`).join('')}--${boundary}--\r\n`
  return { what, send: { contentType: `multipart/form-data; boundary=${boundary}`, body }, expected }
}

const file = (disposition: string, content = 'hello', type = 'text/plain') =>
  lines(`Content-Disposition: form-data; ${disposition}`, `Content-Type: ${type}`, '', content)

const named = (filename: string): FieldFile => ({ stored: 'hello', text: 'HELLO', upload: { filename } })

const UNFILLED = file('name="other"; filename=""', '', 'application/octet-stream')
const WEBKIT = '----WebKitFormBoundary7MA4YWxkTrZu0gW'
const GECKO = '----geckoformboundary8c79e61efa53dc5d441481912ad86326'
const CURL = '------------------------d74496d66958873e'
const UNDICI = '----formdata-undici-071829374651'

/** Whole bodies of `multipart/form-data`, exactly as clients write them. */
export const forms: readonly FieldCase[] = [
  form('a form of one file as curl writes it', CURL, [file('name="file"; filename="a.txt"')], named('a.txt')),
  form(
    'quotes and a backslash in a name as curl before 7.81 writes them',
    CURL,
    [file('name="file"; filename="a \\"b\\".txt"')],
    named('a "b".txt'),
  ),
  form(
    'quotes in a name as curl since 7.81 writes them',
    CURL,
    [file('name="file"; filename="a %22b%22.txt"')],
    named('a "b".txt'),
  ),
  form(
    'a file and an empty one as curl writes them',
    CURL,
    [file('name="file"; filename="a.txt"'), file('name="f2"; filename=""', '', 'application/octet-stream')],
    named('a.txt'),
  ),
  form('a file as Chromium writes it', WEBKIT, [file('name="file"; filename="a.txt"')], named('a.txt')),
  form(
    'quotes, a percent sign and a backslash in a field’s name as Chromium writes them',
    WEBKIT,
    [file('name="a%22b\\"; filename="100%25 %22a%22.txt"')],
    named('100%25 "a".txt'),
  ),
  form(
    'a name in Japanese as Chromium writes it',
    WEBKIT,
    [file('name="file"; filename="写真 1.txt"')],
    named('写真 1.txt'),
  ),
  form(
    'the files of a directory as Chromium writes them',
    WEBKIT,
    [file('name="files"; filename="notes/2026/a.txt"'), file('name="files"; filename="notes/b.txt"')],
    [named('a.txt'), named('b.txt')],
  ),
  form(
    'a page with three file inputs of which one is filled, as Chromium writes it',
    WEBKIT,
    [UNFILLED, file('name="file"; filename="a.txt"'), UNFILLED],
    named('a.txt'),
  ),
  form('a page whose file inputs are all empty', WEBKIT, [UNFILLED, UNFILLED], {
    status: 400,
    problem: 'missing-file',
    detail: /No file was chosen/,
  }),
  form(
    'a page with a text, a check box and a button beside its file',
    WEBKIT,
    [
      lines('Content-Disposition: form-data; name="title"', '', 'My photo'),
      lines('Content-Disposition: form-data; name="public"', '', 'on'),
      file('name="file"; filename="a.txt"'),
      lines('Content-Disposition: form-data; name="submit"', '', ''),
    ],
    named('a.txt'),
  ),
  form('a file as Firefox writes it', GECKO, [file('name="file"; filename="Übung.txt"')], named('Übung.txt')),
  form('a blob without a name as Firefox writes it', GECKO, [file('name="file"; filename="blob"')], named('blob')),
  form(
    'a file as Safari writes it',
    WEBKIT,
    [file('name="file"; filename="Bildschirmfoto 2026-11-30 um 4.09.02 p.m..txt"')],
    named('Bildschirmfoto 2026-11-30 um 4.09.02 p.m..txt'),
  ),
  form(
    'a decomposed name as Safari on macOS writes it',
    WEBKIT,
    [file('name="file"; filename="Cafe\u0301.txt"')],
    named('Cafe\u0301.txt'),
  ),
  form(
    'a path as Internet Explorer writes it',
    '---------------------------7e13971310878',
    [file('name="file"; filename="C:\\Users\\ann\\Documents\\a.txt"')],
    named('a.txt'),
  ),
  form(
    'a path as pages copy it from an input',
    '---------------------------7e13971310878',
    [file('name="file"; filename="C:\\fakepath\\a.txt"')],
    named('a.txt'),
  ),
  form(
    'a share as Internet Explorer writes it',
    '---------------------------7e13971310878',
    [file('name="file"; filename="\\\\server\\share\\a.txt"')],
    named('a.txt'),
  ),
  form('a file as Node’s fetch writes it', UNDICI, [file('name="file"; filename="a %22b%22.txt"')], named('a "b".txt')),
  form(
    'a field and a file as Node’s fetch writes them',
    UNDICI,
    [lines('Content-Disposition: form-data; name="note"', '', 'x'), file('name="file"; filename="a.txt"')],
    named('a.txt'),
  ),
  form(
    'a file as axios with form-data writes it',
    '--------------------------515890814546601021194782',
    [file('name="file"; filename="a.txt"')],
    named('a.txt'),
  ),
  form(
    'a buffer without a name as form-data writes it',
    '--------------------------515890814546601021194782',
    [file('name="file"', 'hello', 'application/octet-stream')],
    { stored: 'hello', upload: { filename: /^file-\d+/ } },
  ),
  form(
    'a file as Python requests writes it',
    'c35fe8a0a2a84a5c8d3d2a1b5f8c9e7d',
    [lines('Content-Disposition: form-data; name="file"; filename="a.txt"', '', 'hello')],
    { stored: 'hello', upload: { filename: 'a.txt' } },
  ),
  form(
    'a name that is not ASCII as older Python requests writes it',
    'c35fe8a0a2a84a5c8d3d2a1b5f8c9e7d',
    [lines('Content-Disposition: form-data; name="file"; filename*=utf-8\'\'%E5%86%99%E7%9C%9F.txt', '', 'hello')],
    { stored: 'hello', upload: { filename: '写真.txt' } },
  ),
  form(
    'a backslash in a name as urllib3 1.26 writes it',
    'c35fe8a0a2a84a5c8d3d2a1b5f8c9e7d',
    [file('name="file"; filename="a\\\\b.txt"')],
    named('b.txt'),
  ),
  form(
    'a file as aiohttp writes it',
    'f1b6b3f6c9f14b0d8a1e2d3c4b5a6978',
    [
      lines(
        'Content-Type: text/plain',
        'Content-Disposition: form-data; name="file"; filename="a.txt"',
        'Content-Length: 5',
        '',
        'hello',
      ),
    ],
    named('a.txt'),
  ),
  form(
    'a file as Go writes it',
    '9f4a1c3e5b7d2f6a8c0e1b3d5f7a9c2e4b6d8f0a1c3e5b7d9f2a4c6e8b0d',
    [file('name="file"; filename="a.txt"', 'hello', 'application/octet-stream')],
    named('a.txt'),
  ),
  form(
    'quotes and backslashes in a name as Go writes them',
    '9f4a1c3e5b7d2f6a8c0e1b3d5f7a9c2e4b6d8f0a1c3e5b7d9f2a4c6e8b0d',
    [file('name="file"; filename="say \\"hi\\".txt"')],
    named('say "hi".txt'),
  ),
  form(
    'a file as Postman writes it',
    '--------------------------863416781230542690374511',
    [file('name=""; filename="a.txt"')],
    named('a.txt'),
  ),
  form(
    'a file and an empty row as Postman writes them',
    '--------------------------863416781230542690374511',
    [file('name="file"; filename="a.txt"'), lines('Content-Disposition: form-data; name=""', '', '')],
    named('a.txt'),
  ),
  form(
    'a file as .NET writes it',
    '"8d2c1b7a-3f4e-4d5c-9b6a-7e8f9a0b1c2d"'.replaceAll('"', ''),
    [
      lines(
        'Content-Type: text/plain',
        "Content-Disposition: form-data; name=file; filename=a.txt; filename*=utf-8''a.txt",
        '',
        'hello',
      ),
    ],
    named('a.txt'),
  ),
  form(
    'a name in Japanese as .NET writes it',
    '8d2c1b7a-3f4e-4d5c-9b6a-7e8f9a0b1c2d',
    [
      lines(
        'Content-Disposition: form-data; name=file; filename="=?utf-8?B?5YaZ55yfLnR4dA==?="; filename*=utf-8\'\'%E5%86%99%E7%9C%9F.txt',
        'Content-Type: text/plain',
        '',
        'hello',
      ),
    ],
    named('写真.txt'),
  ),
  {
    what: 'a quoted boundary as .NET writes it',
    send: {
      contentType: 'multipart/form-data; boundary="8d2c1b7a-3f4e"',
      body: `--8d2c1b7a-3f4e\r\n${file('name=file; filename="my a.txt"')}\r\n--8d2c1b7a-3f4e--\r\n`,
    },
    expected: named('my a.txt'),
  },
  form(
    'a text and a file as Apache HttpClient writes them',
    'Vf3kJq0mZ8xW5nRtYb2cLdPh7sGa',
    [
      lines(
        'Content-Disposition: form-data; name="note"',
        'Content-Type: text/plain; charset=UTF-8',
        'Content-Transfer-Encoding: 8bit',
        '',
        'x',
      ),
      lines(
        'Content-Disposition: form-data; name="file"; filename="a.txt"',
        'Content-Type: text/plain',
        'Content-Transfer-Encoding: binary',
        '',
        'hello',
      ),
    ],
    named('a.txt'),
  ),
  form(
    'a file as okhttp writes it',
    '0b5c4e3a-7f1d-4b8e-9a2c-6d3f1e8b7a90',
    [
      lines(
        'Content-Disposition: form-data; name="file"; filename="a %22b%22.txt"',
        'Content-Type: text/plain; charset=utf-8',
        'Content-Length: 5',
        '',
        'hello',
      ),
    ],
    named('a "b".txt'),
  ),
  form(
    'a file as Dart writes it',
    'dart-http-boundary-Kq3xW+8mZ0nRtYb2cLdPh7sGaVf3kJq0mZ8xW5nRtYb2cLdPh7sG',
    [lines('content-type: text/plain', 'content-disposition: form-data; name="file"; filename="a.txt"', '', 'hello')],
    named('a.txt'),
  ),
  form(
    'a file as PHP’s Guzzle writes it',
    '5f4dcc3b5aa765d61d8327deb882cf99aabbccdd',
    [
      lines(
        'Content-Disposition: form-data; name="file"; filename="a.txt"',
        'Content-Length: 5',
        'Content-Type: text/plain',
        '',
        'hello',
      ),
    ],
    named('a.txt'),
  ),
  form(
    'JSON beside the file as Spring writes it',
    'Kq3xW8mZ0nRtYb2cLdPh7sGa',
    [
      lines('Content-Disposition: form-data; name="meta"', 'Content-Type: application/json', '', '{"a":'),
      file('name="file"; filename="a.txt"'),
    ],
    named('a.txt'),
  ),
  form(
    'the charset of a part',
    CURL,
    [
      lines(
        'Content-Disposition: form-data; name="file"; filename="a.txt"',
        'Content-Type: text/plain; charset=utf-8',
        '',
        'café',
      ),
    ],
    { stored: 'café', text: 'CAFÉ', upload: { contentType: 'text/plain; charset=utf-8' } },
  ),
  {
    what: 'a form whose words are written in capitals',
    send: {
      contentType: 'MULTIPART/FORM-DATA; BOUNDARY=XX',
      headers: { 'Content-Encoding': 'Identity' },
      body: `--XX\r\n${file('NAME="file"; FILENAME="a.txt"').replace('form-data', 'FORM-DATA').replace('Content-Type', 'CONTENT-TYPE')}\r\n--XX--\r\n`,
    },
    expected: named('a.txt'),
  },
]
