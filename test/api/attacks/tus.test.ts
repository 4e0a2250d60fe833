import t from 'tap'
import { base64, tusClient, uploadIdOf } from '../tus/client.ts'
import { type Attack, as, makeAttacks, type Scene, setScene } from './attack.ts'
import type { RawRequest } from './raw.ts'

type Header = readonly [string, string]

const BAD = '400 bad-request'
const VERSION: Header = ['Tus-Resumable', '1.0.0']
const BYTES: Header = ['Content-Type', 'application/offset+octet-stream']
const META: Header = ['Upload-Metadata', `filename ${base64('a')}`]
const LENGTH: Header = ['Upload-Length', '5']

/** Creates an upload of five bytes. Resolves to its path. */
async function begin({ api, attacker, begun }: Scene): Promise<string> {
  const url = await tusClient(api, attacker).begin(5)
  begun.push(uploadIdOf(url))
  return url
}

const creation = (
  what: string,
  headers: readonly Header[],
  gets: Attack['gets'],
  more: Partial<Attack & RawRequest> = {},
): Attack => ({
  what: `tus: ${what}`,
  send: ({ attacker }) => ({
    method: 'POST',
    path: '/uploads/tus',
    headers: as(attacker, VERSION, ...headers),
    ...(more.body !== undefined && { body: more.body }),
  }),
  gets,
  ...(more.answer && { answer: more.answer }),
})

const lengths = ['-1', '+5', '1.5', '1e3', '0x10', '01', '5 5', '', '9007199254740993', '1e309', '5, 5'].map(length =>
  creation(`a length of "${length}"`, [['Upload-Length', length], META], BAD),
)

const metadata = [
  `filename  ${base64('a')}`,
  `filename ${base64('a')},filename ${base64('b')}`,
  `filename ${base64('a')}, x`,
  `filename ${base64('a')},`,
  `filename ${base64('a')} x`,
  'filename YQ',
  'filename !!!!',
  '__proto__ YQ==',
  'constructor YQ==',
  'filename 7a2A7bCA',
  `filename ${base64('a')},x ${'A'.repeat(8_400)}`,
].map(text => creation(`metadata of "${text.slice(0, 30)}"`, [LENGTH, ['Upload-Metadata', text]], BAD))

const names = ['../a', 'a\r\nb', 'a\0', 'a\u202e', '..', 'C:\\a', '\uffff'].map(name =>
  creation(
    `the name ${JSON.stringify(name)}`,
    [LENGTH, ['Upload-Metadata', `filename ${base64(name)}`]],
    '400 invalid-filename',
  ),
)

const here = { headers: { location: /^\/uploads\/tus\/[0-9a-f-]{36}$/ } }

const creations: Attack[] = [
  ...lengths,
  ...metadata,
  ...names,
  creation('a length past the limit', [['Upload-Length', '100001'], META], '413 payload-too-large'),
  creation('a length twice', [LENGTH, ['Upload-Length', '6'], META], BAD),
  creation('metadata twice', [LENGTH, META, META], BAD),
  creation('a length, and one to come', [LENGTH, ['Upload-Defer-Length', '1'], META], BAD),
  creation('a concatenation', [['Upload-Concat', 'final;/uploads/tus/a'], META], BAD),
  creation('a concatenation of a part', [LENGTH, ['Upload-Concat', 'partial'], META], BAD),
  creation(
    'a type with a line end',
    [LENGTH, ['Upload-Metadata', `filetype ${base64('a/b\r\nx: y')}`]],
    '400 invalid-content-type',
  ),
  creation('a file that is longer than its length', [LENGTH, META, BYTES], '413 payload-too-large', { body: 'hello!' }),
  creation('a file of nothing that has bytes', [['Upload-Length', '0'], META, BYTES], '413 payload-too-large', {
    body: 'x',
  }),
  creation(
    'chunks with more bytes than the length',
    [LENGTH, META, BYTES, ['Transfer-Encoding', 'chunked']],
    '413 payload-too-large',
    { body: '6\r\nhello!\r\n0\r\n\r\n' },
  ),
  creation(
    'a checksum of other bytes',
    [LENGTH, META, BYTES, ['Upload-Checksum', `sha1 ${'A'.repeat(27)}=`]],
    '460 checksum-mismatch',
    {
      body: 'hello',
    },
  ),
  creation('gzip', [LENGTH, META, BYTES, ['Content-Encoding', 'gzip']], '415 unsupported-media-type', {
    body: 'hello',
  }),
  creation('another method on top', [LENGTH, META, ['X-HTTP-Method-Override', 'DELETE']], '201', { answer: here }),
  creation(
    'a host of another in a proxy’s name',
    [
      LENGTH,
      META,
      ['X-Forwarded-Host', 'evil.example'],
      ['X-Forwarded-Proto', 'https'],
      ['Forwarded', 'host=evil.example;proto=https'],
    ],
    '201',
    { answer: here },
  ),
  {
    what: 'tus: a host of another',
    send: ({ attacker }) => ({
      method: 'POST',
      path: '/uploads/tus',
      headers: [['Host', 'evil.example'], ...as(attacker, VERSION, LENGTH, META)],
    }),
    gets: '201',
    answer: here,
  },
  ...['', '0.2.2', '1.0', '2.0.0', '1.0.0, 1.0.0'].map(
    (version): Attack => ({
      what: `tus: version "${version}"`,
      send: ({ attacker }) => ({
        method: 'POST',
        path: '/uploads/tus',
        headers: as(attacker, ['Tus-Resumable', version], LENGTH, META),
      }),
      gets: '412 unsupported-tus-version',
      answer: { headers: { 'tus-version': /^1\.0\.0$/ } },
    }),
  ),
]

const sending = (
  what: string,
  headers: readonly Header[],
  gets: Attack['gets'],
  { method = 'PATCH', body = 'hello' }: { method?: string; body?: string } = {},
): Attack => ({
  what: `tus: ${what}`,
  send: async scene => ({
    method,
    path: await begin(scene),
    headers: as(scene.attacker, VERSION, ...headers),
    body,
  }),
  gets,
})

const AT_0: Header = ['Upload-Offset', '0']

const sendings: Attack[] = [
  ...['-1', '+0', '0.0', '0x0', '1e0', '00', '', 'NaN', '9007199254740993', '99999999999999999999', '0, 0'].map(
    offset => sending(`an offset of "${offset}"`, [['Upload-Offset', offset], BYTES], BAD),
  ),
  sending('an offset that is not there yet', [['Upload-Offset', '5'], BYTES], '409 offset-conflict'),
  sending('an offset twice', [AT_0, ['Upload-Offset', '5'], BYTES], BAD),
  sending('no offset', [BYTES], BAD),
  ...['text/plain', 'application/octet-stream', 'application/offset+octet-stream; charset=utf-8', ''].map(type =>
    sending(`bytes as "${type}"`, [AT_0, ['Content-Type', type]], '415 unsupported-media-type'),
  ),
  sending('gzip on the way', [AT_0, BYTES, ['Content-Encoding', 'gzip']], '415 unsupported-media-type'),
  sending('more bytes than the length', [AT_0, BYTES], '413 payload-too-large', { body: 'hello!' }),
  sending(
    'more bytes in chunks than the length',
    [AT_0, BYTES, ['Transfer-Encoding', 'chunked']],
    '413 payload-too-large',
    {
      body: '6\r\nhello!\r\n0\r\n\r\n',
    },
  ),
  sending('a length that is changed', [AT_0, BYTES, ['Upload-Length', '3']], BAD),
  ...['', 'sha1', 'crc32 AAAA', '__proto__ AAAA', 'sha1 !', `sha1 ${'A'.repeat(27)}`].map(checksum =>
    sending(`a checksum of "${checksum}"`, [AT_0, BYTES, ['Upload-Checksum', checksum]], BAD),
  ),
  sending(
    'a checksum that is to come as a trailer',
    [AT_0, BYTES, ['Transfer-Encoding', 'chunked'], ['Trailer', 'Upload-Checksum']],
    BAD,
    {
      body: '5\r\nhello\r\n0\r\nUpload-Checksum: sha1 AAAA\r\n\r\n',
    },
  ),
  sending(
    'POST as PATCH with another type',
    [AT_0, ['X-HTTP-Method-Override', 'PATCH']],
    '415 unsupported-media-type',
    {
      method: 'POST',
    },
  ),
  ...['delete', 'GET', 'TRACE', 'PATCH, DELETE', '__proto__', ''].map(override =>
    sending(`POST as "${override}"`, [AT_0, BYTES, ['X-HTTP-Method-Override', override]], '405 method-not-allowed', {
      method: 'POST',
    }),
  ),
]

let victimsTus = ''

/** Requests of the attacker for a pending upload of the victim. */
const foreign: Attack[] = [
  ['HEAD', []],
  ['PATCH', [AT_0, BYTES]],
  ['DELETE', []],
  ['POST', [['X-HTTP-Method-Override', 'DELETE']]],
  ['POST', [AT_0, BYTES, ['X-HTTP-Method-Override', 'PATCH']]],
].flatMap(([method, headers]) =>
  ['', '?a=b'].map(
    (query): Attack => ({
      what: `tus: another’s by ${method}${query} ${JSON.stringify(headers)}`,
      send: scene => ({
        method: method as string,
        path: `/uploads/tus/${victimsTus}${query}`,
        headers: as(scene.attacker, VERSION, ...(headers as Header[])),
        ...(method !== 'HEAD' && { body: 'hello' }),
      }),
      gets: method === 'HEAD' ? '404 ' : '404 not-found',
    }),
  ),
)

t.test('a request that violates the tus protocol is rejected, and leaves only the pending upload', async t => {
  const scene = await setScene(t)
  victimsTus = uploadIdOf(await tusClient(scene.api, scene.victim).begin(5))
  await makeAttacks(t, scene, [...creations, ...sendings, ...foreign])
  t.equal(scene.begun.length, sendings.length)
  const offsets = await Promise.all(
    scene.begun.map(id => tusClient(scene.api, scene.attacker).offset(`/uploads/tus/${id}`)),
  )
  t.same(new Set(offsets), new Set([0]), 'nothing of what was refused counts')
})
