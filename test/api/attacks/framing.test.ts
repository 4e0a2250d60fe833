import t from 'tap'
import { type Attack, as, makeAttacks, setScene } from './attack.ts'

/** Joins lines with CR LF and returns their bytes. */
const text = (...lines: string[]) => Buffer.from(lines.join('\r\n'), 'latin1')
const SMUGGLED = 'GET /livez HTTP/1.1\r\nHost: a\r\n\r\n'

const post = (...headers: string[]) => ['POST /uploads?filename=a HTTP/1.1', 'Host: a', ...headers]

const framing: Attack[] = [
  ['a length and chunks', ['Content-Length: 4', 'Transfer-Encoding: chunked'], `0\r\n\r\n${SMUGGLED}`],
  ['chunks and a length', ['Transfer-Encoding: chunked', 'Content-Length: 4'], `0\r\n\r\n${SMUGGLED}`],
  ['two lengths', ['Content-Length: 0', `Content-Length: ${SMUGGLED.length}`], SMUGGLED],
  ['two equal lengths', ['Content-Length: 1', 'Content-Length: 1'], 'x'],
  ['a list of lengths', ['Content-Length: 0, 4'], 'xxxx'],
  ['a negative length', ['Content-Length: -1'], 'x'],
  ['a length with a plus', ['Content-Length: +1'], 'x'],
  ['a length in hex', ['Content-Length: 0x1'], 'x'],
  ['a length that is no number', ['Content-Length: one'], 'x'],
  ['an empty length', ['Content-Length: '], 'x'],
  ['a length past all integers', ['Content-Length: 99999999999999999999999'], 'x'],
  ['a length with a point', ['Content-Length: 1.0'], 'x'],
  ['an unknown coding', ['Transfer-Encoding: xchunked'], `0\r\n\r\n${SMUGGLED}`],
  ['chunked, and another coding after it', ['Transfer-Encoding: chunked, gzip'], `0\r\n\r\n${SMUGGLED}`],
  ['chunked twice', ['Transfer-Encoding: chunked, chunked'], '0\r\n\r\n'],
  ['a coding before chunked', ['Transfer-Encoding: gzip, chunked'], '1\r\nx\r\n0\r\n\r\n'],
  ['two codings in two headers', ['Transfer-Encoding: identity', 'Transfer-Encoding: chunked'], '0\r\n\r\n'],
  ['a coding behind a vertical tab', ['Transfer-Encoding: \x0bchunked'], `0\r\n\r\n${SMUGGLED}`],
  ['a chunk size that is no number', ['Transfer-Encoding: chunked'], 'x\r\n\r\n'],
  ['a chunk size past all integers', ['Transfer-Encoding: chunked'], 'ffffffffffffffffff\r\nx'],
  ['a negative chunk size', ['Transfer-Encoding: chunked'], '-1\r\nx\r\n0\r\n\r\n'],
  ['a chunk that is longer than it says', ['Transfer-Encoding: chunked'], '1\r\nxx\r\n0\r\n\r\n'],
  ['a chunk that ends with a line feed alone', ['Transfer-Encoding: chunked'], '1\nx\n0\n\n'],
  ['a chunk extension with a line feed', ['Transfer-Encoding: chunked'], '1;a\nb\r\nx\r\n0\r\n\r\n'],
  ['a chunk extension of 200 KiB', ['Transfer-Encoding: chunked'], `1;${'a'.repeat(200_000)}\r\nx\r\n0\r\n\r\n`],
  ['a folded header', ['X-A: b', ' Content-Length: 4'], ''],
  ['a blank before the colon', ['Content-Length : 4'], 'xxxx'],
  ['a header without a name', [': a'], ''],
  ['a header without a colon', ['nonsense'], ''],
  ['a NUL in a header', ['X-A: a\0b'], ''],
  ['a carriage return in a header', ['X-A: a\rContent-Length: 4'], 'xxxx'],
  ['a NUL in a header’s name', ['X\0A: b'], ''],
  ['a line feed instead of a line end', ['X-A: b\nContent-Length: 4'], 'xxxx'],
  ['a folded coding', ['Transfer-Encoding:', ' chunked'], '1\r\nx\r\n0\r\n\r\n'],
  ['a coding with a parameter', ['Transfer-Encoding: chunked;q=1'], `0\r\n\r\n${SMUGGLED}`],
  ['a coding with a tab behind it', ['Transfer-Encoding: chunked\t'], `0\r\n\r\n${SMUGGLED}`],
  ['a coding in quotes', ['Transfer-Encoding: "chunked"'], `0\r\n\r\n${SMUGGLED}`],
  ['a chunk size with a blank before it', ['Transfer-Encoding: chunked'], ' 1\r\nx\r\n0\r\n\r\n'],
  ['a chunk size with 0x', ['Transfer-Encoding: chunked'], '0x1\r\nx\r\n0\r\n\r\n'],
  ['a chunk without an end', ['Transfer-Encoding: chunked'], '1\r\nx0\r\n\r\n'],
].map(([what, headers, body]) => ({
  what: `framing: ${what}`,
  send: ({ attacker }) =>
    text(...post(`Authorization: ${attacker.auth.authorization}`, ...(headers as string[])), '', body as string),
  gets: '400 bad-request',
}))

/** Requests of other HTTP versions that can be read in more than one way. */
const versions: Attack[] = [
  {
    what: 'framing: chunks in HTTP/1.0',
    send: ({ attacker }) =>
      text(
        'POST /uploads?filename=a HTTP/1.0',
        'Host: a',
        `Authorization: ${attacker.auth.authorization}`,
        'Transfer-Encoding: chunked',
        '',
        `1\r\nx\r\n0\r\n\r\n`,
      ),
    gets: '400 bad-request',
  },
  // Without a length the request has no body, and the following byte is not a request. The client must get only one response.
  {
    what: 'framing: a body that ends with the connection',
    send: ({ attacker }) =>
      text('POST /uploads?filename=a HTTP/1.0', `Authorization: ${attacker.auth.authorization}`, '', 'x'),
    gets: '200',
  },
  {
    what: 'framing: nonsense behind a request',
    send: ({ attacker }) =>
      text(
        'POST /uploads?filename=a HTTP/1.1',
        'Host: a',
        `Authorization: ${attacker.auth.authorization}`,
        'Content-Length: 1',
        '',
        'xnonsense\r\n\r\n',
      ),
    gets: '200',
  },
  {
    what: 'framing: headers without end behind a request',
    send: text('GET /livez HTTP/1.1', 'Host: a', '', `GET /livez HTTP/1.1\r\nX-A: ${'a'.repeat(140_000)}`),
    gets: '200',
  },
  ...['CHUNKED', 'Chunked'].map(
    (coding): Attack => ({
      what: `framing: ${coding} is chunked`,
      send: ({ attacker }) => ({
        method: 'POST',
        path: '/uploads?filename=a',
        headers: as(attacker, ['Transfer-Encoding', coding]),
        body: '1\r\nx\r\n0\r\n\r\n',
      }),
      gets: '200',
    }),
  ),
]

const chunks: Attack[] = [
  ['a token behind the body counts for nothing', '1\r\nx\r\n0\r\nAuthorization: Bearer x\r\n\r\n', '200'],
  ['trailers of 200 KiB', `1\r\nx\r\n0\r\nX-A: ${'a'.repeat(200_000)}\r\n\r\n`, '431 headers-too-large'],
  ['fifty thousand trailers', `1\r\nx\r\n0\r\n${'X: a\r\n'.repeat(50_000)}\r\n`, '431 headers-too-large'],
  ['fifty thousand chunks of a byte', `${'1\r\nx\r\n'.repeat(50_000)}0\r\n\r\n`, '200'],
  ['a size with three thousand zeros', `${'0'.repeat(3_000)}1\r\nx\r\n0\r\n\r\n`, '200'],
].map(([what, body, gets]) => ({
  what: `chunks: ${what}`,
  send: ({ attacker }) => ({
    method: 'POST',
    path: '/uploads?filename=a',
    headers: as(attacker, ['Transfer-Encoding', 'chunked']),
    body: body as string,
  }),
  gets: gets as Attack['gets'],
}))

const lines: Attack[] = [
  ['no HTTP', 'hello\r\n\r\n'],
  ['HTTP/0.9', 'GET /livez\r\n\r\n'],
  ['HTTP/2 on a connection of HTTP/1.1', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['an invalid version', 'GET /livez HTTP/9.9\r\nHost: a\r\n\r\n'],
  ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ['an invalid method', 'SMUGGLE /livez HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a method in small letters', 'get /livez HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a blank in the path', 'GET /livez x HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a NUL in the path', 'GET /livez\0 HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['no Host', 'GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n'],
  ['a second request behind a wrong one', `nonsense\r\n\r\n${SMUGGLED}`],
  ['a blank line and then nonsense', '\r\n\r\nnonsense\r\n\r\n'],
].map(([what, bytes]) => ({ what: `request line: ${what}`, send: text(bytes ?? ''), gets: '400 bad-request' }))

t.test('an ambiguous message is rejected, and no request gets the response of another', async t => {
  await makeAttacks(t, await setScene(t), [...framing, ...versions, ...chunks, ...lines])
})
