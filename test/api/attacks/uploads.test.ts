import t from 'tap'
import { type Attack, as, JSON_TYPE, makeAttacks, setScene } from './attack.ts'

const raw = (
  what: string,
  query: string,
  gets: Attack['gets'],
  more: Array<readonly [string, string]> = [],
): Attack => ({
  what,
  send: ({ attacker }) => ({ method: 'POST', path: `/uploads${query}`, headers: as(attacker, ...more), body: 'x' }),
  gets,
})

const names: Attack[] = [
  '../a',
  '..',
  '.',
  '/etc/passwd',
  '..%2fa',
  '%2e%2e%2fa',
  '..%5ca',
  'a%2fb',
  'C:%5Ca',
  '%5C%5Chost%5Cshare',
  'a%00.txt',
  'a%0d%0aX-Injected:%20b',
  'a%0a',
  '%7f',
  'a%c2%85b',
  'a%e2%80%ae%67np.exe',
  'a%e2%81%a6b',
  'a%e2%80%a8b',
  'a%d8%9cb',
  '%20%20',
  '',
  'x'.repeat(1_025),
  '%f0%9f%8e%89'.repeat(300),
  'x'.repeat(60_000),
  'a/../b',
].map(name => raw(`names: ${name.slice(0, 40)}`, `?filename=${name}`, '400 invalid-filename'))

const keptNames: Attack[] = [
  '%25%32%65%25%32%65%25%32%66',
  '%252e%252e%252fa',
  '%3Cscript%3E',
  "';DROP TABLE--",
  '$(id)',
  '{{7*7}}',
  '__proto__',
  'a..b',
  '...',
  'CON',
].map(name =>
  raw(`names: ${name} is only a name`, `?filename=${encodeURI(decodeURI(name)).replaceAll('%2525', '%25')}`, '200'),
)

const queries: Attack[] = [
  raw('query: a name twice', '?filename=a&filename=b', '400 invalid-body'),
  raw('query: a name and an encoded one', '?filename=a&%66ilename=b', '400 invalid-body'),
  raw('query: bytes that are no UTF-8', '?filename=%ff', '400 invalid-body'),
  raw('query: half a surrogate pair', '?filename=%ed%a0%80', '400 invalid-body'),
  raw('query: a longer way to say a slash', '?filename=..%c0%afa', '400 invalid-body'),
  raw('query: a percent sign alone', '?filename=a%', '400 invalid-body'),
  raw('query: a name as a list', '?filename[]=a', '415 unsupported-media-type'),
  raw('query: a name as an object', '?filename[a]=b', '415 unsupported-media-type'),
  raw('query: a name in capitals', '?FILENAME=a', '415 unsupported-media-type'),
  raw('query: a second question mark', '?a=b?filename=c', '415 unsupported-media-type'),
  raw('query: a semicolon', '?a=b;filename=c', '415 unsupported-media-type'),
  raw('query: a prototype', '?__proto__[filename]=a&filename=b', '200'),
  raw('query: a constructor', '?constructor=a&filename=b', '200'),
  raw('query: an owner', '?owner=somebody&filename=a', '200'),
  raw('query: a token', '?filename=a&access_token=x', '200'),
]

const types: Attack[] = [
  raw('types: none', '', '415 unsupported-media-type'),
  raw('types: that of a web form', '', '415 unsupported-media-type', [
    ['Content-Type', 'application/x-www-form-urlencoded'],
  ]),
  raw('types: nonsense', '?filename=a', '415 unsupported-media-type', [['Content-Type', 'nonsense']]),
  raw('types: a blank', '?filename=a', '415 unsupported-media-type', [['Content-Type', 'a b/c']]),
  raw('types: letters that are not ASCII', '?filename=a', '415 unsupported-media-type', [['Content-Type', 'a/\xfc']]),
  raw('types: a very long one', '?filename=a', '400 invalid-content-type', [['Content-Type', `a/${'b'.repeat(300)}`]]),
  raw('types: a quote that does not end', '?filename=a', '400 invalid-content-type', [['Content-Type', 'a/b; c="']]),
  raw('types: a comma', '?filename=a', '415 unsupported-media-type', [['Content-Type', 'a/b, c/d']]),
  raw('types: gzip', '?filename=a', '415 unsupported-media-type', [['Content-Encoding', 'gzip']]),
  raw('types: identity and gzip', '?filename=a', '415 unsupported-media-type', [
    ['Content-Encoding', 'identity, gzip'],
  ]),
  raw('types: a page of HTML is a file like others', '?filename=a.html', '200', [['Content-Type', 'text/html']]),
  {
    what: 'types: a program called text',
    send: ({ attacker }) => ({
      method: 'POST',
      path: '/uploads?filename=a',
      headers: as(attacker, ['Content-Type', 'text/plain']),
      body: Buffer.concat([Buffer.from('\x7fELF\x02\x01\x01', 'latin1'), Buffer.alloc(60)]),
    }),
    gets: '415 content-type-contradicted',
  },
  {
    what: 'types: an archive called a picture',
    send: ({ attacker }) => ({
      method: 'POST',
      path: '/uploads?filename=a',
      headers: as(attacker, ['Content-Type', 'image/png']),
      body: Buffer.from('504b0304140000000000000000000000000000000000000000000500000061612e7478', 'hex'),
    }),
    gets: '415 content-type-contradicted',
  },
]

const digests: Attack[] = [
  raw('digests: of other bytes', '?filename=a', '400 digest-mismatch', [
    ['Content-Digest', `sha-256=:${'A'.repeat(43)}=:`],
  ]),
  raw('digests: a right one and a wrong one', '?filename=a', '400 digest-mismatch', [
    ['Content-Digest', 'sha-256=:LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=:'],
    ['Repr-Digest', `sha-512=:${'A'.repeat(86)}==:`],
  ]),
  raw('digests: the same algorithm twice, once wrong', '?filename=a', '400 digest-mismatch', [
    ['Content-Digest', `sha-256=:${'A'.repeat(43)}=:, sha-256=:LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=:`],
  ]),
  raw('digests: the right one', '?filename=a', '200', [
    ['Content-Digest', 'sha-256=:LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=:;a=b'],
  ]),
  ...[
    'sha-256',
    'sha-256=?1',
    'sha-256="LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE="',
    'sha-256=(:LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=:)',
    'sha-256=:LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=:,',
    'sha-256=:LXEWQrcmsEQBYnyp_6wy9chTD7GQPMTbAiWHF5IaSIE=:',
    '',
    'a=:AA==:, '.repeat(1_000),
  ].map(value =>
    raw(`digests: "${value.slice(0, 30)}"`, '?filename=a', '400 invalid-digest', [['Content-Digest', value]]),
  ),
  raw('digests: one that is to come as a trailer', '?filename=a', '400 invalid-digest', [
    ['Trailer', 'Content-Digest'],
  ]),
  raw('digests: nonsense', '?filename=a', '400 invalid-digest', [['Content-Digest', 'sha-256']]),
  raw('digests: one that is too short', '?filename=a', '400 invalid-digest', [['Repr-Digest', 'sha-256=:AAAA:']]),
]

const json = (what: string, body: string | Uint8Array, gets: Attack['gets'], type: string = JSON_TYPE[1]): Attack => ({
  what: `JSON: ${what}`,
  send: ({ attacker }) => ({ method: 'POST', path: '/uploads', headers: as(attacker, ['Content-Type', type]), body }),
  gets,
})

const jsons: Attack[] = [
  json('arrays in arrays', '['.repeat(20_000) + ']'.repeat(20_000), '400 invalid-body'),
  json('objects in objects', `${'{"content":'.repeat(4_000)}1${'}'.repeat(4_000)}`, '400 invalid-body'),
  json('arrays that do not end', '['.repeat(40_000), '400 malformed-json'),
  json('ten thousand keys', `{${Array.from({ length: 4_000 }, (_, index) => `"k${index}":1`)}}`, '400 invalid-body'),
  json('a prototype', '{"__proto__":{"content":"a"}}', '400 invalid-body'),
  json('a prototype beside a content', '{"content":"a","__proto__":{"owner":"b"}}', '400 invalid-body'),
  json('a constructor', '{"constructor":{"prototype":{"content":"a"}}}', '400 invalid-body'),
  json('an owner', '{"content":"a","owner":"b"}', '400 invalid-body'),
  json('a key of S3', '{"content":"a","key":"uploads/b"}', '400 invalid-body'),
  json('an operator', '{"filename":{"$gt":""}}', '400 invalid-body'),
  json('a number for a text', '{"content":1}', '400 invalid-body'),
  json('a list for a text', '{"content":["a"]}', '400 invalid-body'),
  json('null for a text', '{"filename":null}', '400 invalid-body'),
  json('half a surrogate pair', '{"content":"\\ud800"}', '400 invalid-body'),
  json('half a surrogate pair in the name', '{"filename":"\\ud800"}', '400 invalid-filename'),
  json('a line end in the name', '{"filename":"a\\r\\nb"}', '400 invalid-filename'),
  json('a NUL in the name', '{"filename":"a\\u0000"}', '400 invalid-filename'),
  json('a path in the name', '{"filename":"..\\/a"}', '400 invalid-filename'),
  json('a comment', '{"content":"a"/**/}', '400 malformed-json'),
  json('a comma at the end', '{"content":"a",}', '400 malformed-json'),
  json('single quotes', "{'content':'a'}", '400 malformed-json'),
  json('NaN', '{"content":NaN}', '400 malformed-json'),
  json('two values', '{}{}', '400 malformed-json'),
  json('a NUL behind it', '{}\0', '400 malformed-json'),
  json('bytes that are no UTF-8', Buffer.from('{"content":"\xff"}', 'latin1'), '400 malformed-json'),
  json('UTF-16', Buffer.from('{"content":"a"}', 'utf16le'), '400 malformed-json'),
  json(
    'UTF-16 that is called so',
    Buffer.from('{}', 'utf16le'),
    '415 unsupported-media-type',
    'application/json; charset=utf-16',
  ),
  json('UTF-7', '{}', '415 unsupported-media-type', 'application/json; charset=utf-7'),
  json('another type of JSON', '{}', '415 unsupported-media-type', 'application/json-patch+json'),
  json('more bytes than the maximum', `{"content":"${'a'.repeat(60_000)}"}`, '413 payload-too-large'),
  json('escapes of more bytes than the maximum', `{"content":"${'\\u0041'.repeat(9_000)}"}`, '413 payload-too-large'),
  json('a key twice is its last', '{"content":"a","content":"b"}', '200'),
  json('a path behind a name', '{"filename":"a","filename":"../b"}', '400 invalid-filename'),
  json('half a pair behind the other', '{"content":"\\udc00\\ud800"}', '400 invalid-body'),
  json('a number past all numbers', '{"content":1e400}', '400 invalid-body'),
  json('an unescaped control character', '{"content":"a\u0001"}', '400 malformed-json'),
  json('a longer way to say a slash', Buffer.from('{"filename":"\xc0\xaf"}', 'latin1'), '400 malformed-json'),
  json('surrogates in UTF-8', Buffer.from('{"content":"\xed\xa0\x80\xed\xb0\x80"}', 'latin1'), '400 malformed-json'),
  json('a noncharacter in the name', '{"filename":"a\\uffff"}', '400 invalid-filename'),
  json('a mark of the byte order before it', '\ufeff{"content":"a"}', '200'),
  json('a NUL in the content is content', '{"content":"\\u0000"}', '200'),
]

const oversize: Attack[] = [
  {
    what: 'size: more bytes than the maximum',
    send: ({ attacker }) => ({
      method: 'POST',
      path: '/uploads?filename=a',
      headers: as(attacker),
      body: Buffer.alloc(100_001),
    }),
    gets: '413 payload-too-large',
  },
  {
    what: 'size: a length that is too large, and nothing behind it',
    send: ({ attacker }) => ({
      method: 'POST',
      path: '/uploads?filename=a',
      headers: as(attacker, ['Content-Length', '9007199254740993']),
      body: '',
    }),
    gets: '413 payload-too-large',
  },
  {
    what: 'size: chunks that are too many',
    send: ({ attacker }) => ({
      method: 'POST',
      path: '/uploads?filename=a',
      headers: as(attacker, ['Transfer-Encoding', 'chunked']),
      body: `64\r\n${'x'.repeat(100)}\r\n`.repeat(1_001),
    }),
    gets: '413 payload-too-large',
  },
  {
    what: 'size: without a token it is not read at all',
    send: { method: 'POST', path: '/uploads?filename=a', headers: [['Content-Length', '99999999999']], body: 'x' },
    gets: '401 missing-token',
  },
  {
    what: 'size: a body of a GET is not read',
    send: { path: '/livez', headers: [], body: 'x'.repeat(1_000) },
    gets: '200',
  },
]

t.test('an invalid upload is rejected and leaves nothing', async t => {
  const scene = await setScene(t)
  await makeAttacks(t, scene, [...names, ...keptNames, ...queries, ...types, ...digests, ...jsons, ...oversize])
})
