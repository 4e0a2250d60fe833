import t from 'tap'
import { outputsPrefix, ownerOfKey, processedKey, uploadKey } from '../../services/uploads/objects/keys.ts'
import { MAX_OUTPUT_NAME } from '../../services/uploads/records/output-names.ts'
import { seededRandom } from './examples.ts'

const OWNED = 'uploads/{owner}/{uploadId}/{filename}'
const FLAT = 'uploads/{filename}'
const parts = { owner: 'me', uploadId: '0190', filename: 'demo.txt' }

t.test('the template determines the key', async t => {
  t.equal(uploadKey(OWNED, parts), 'uploads/me/0190/demo.txt')
  t.equal(uploadKey(FLAT, parts), 'uploads/demo.txt')
})

t.test('the prefix of a rule comes before the owner, and the owner is found behind it', async t => {
  const uploadId = '0190f3b1-5b1a-7c33-9d0e-6a1b2c3d4e5f'
  for (const prefix of [undefined, 'invoices', 'invoices/eu/2026']) {
    t.strictSame(ownerOfKey(uploadKey(OWNED, { ...parts, uploadId, prefix })), { owner: 'me', uploadId })
  }
  t.equal(uploadKey(OWNED, { ...parts, prefix: 'invoices/eu' }), 'uploads/invoices/eu/me/0190/demo.txt')
  t.equal(uploadKey(FLAT, { ...parts, prefix: 'invoices' }), 'uploads/invoices/demo.txt')
  for (const key of ['uploads/demo.txt', `${uploadId}/demo.txt`, `uploads/${uploadId}/demo.txt`, 'elsewhere/me/0190/x'])
    t.equal(ownerOfKey(key), undefined, key)
})

t.test('placeholders and replacement patterns in a name are kept unchanged', async t => {
  for (const filename of ['$&', '$1$2', '$`', "$'", '$$', '{owner}', '{uploadId}{filename}', '{filename', '$<owner>']) {
    t.equal(uploadKey(OWNED, { ...parts, filename }), `uploads/me/0190/${filename}`)
    t.equal(uploadKey(FLAT, { ...parts, filename }), `uploads/${filename}`)
    t.equal(uploadKey(OWNED, { ...parts, owner: filename }), `uploads/${filename}/0190/demo.txt`)
  }
})

t.test('the processed object has the same key under processed/', async t => {
  t.equal(processedKey('uploads/me/0190/demo.txt'), 'processed/me/0190/demo.txt')
  t.equal(processedKey('uploads/uploads/x'), 'processed/uploads/x', 'only the first folder')
})

t.test('the processed object of a key outside uploads/ has the whole key under processed-other/', async t => {
  t.equal(processedKey('elsewhere/x'), 'processed-other/elsewhere/x', 'another producer’s')
  t.equal(processedKey('my-uploads/x'), 'processed-other/my-uploads/x')
  t.equal(processedKey('bare.txt'), 'processed-other/bare.txt')
  t.equal(processedKey('uploads'), 'processed-other/uploads')
})

t.test('further outputs have a prefix with the upload’s key, which no processed object has', async t => {
  t.equal(outputsPrefix('uploads/me/0190/demo.txt'), 'processed/outputs/uploads/me/0190/demo.txt/')
  t.equal(
    processedKey('uploads/outputs/x'),
    'processed-other/uploads/outputs/x',
    'a key that would collide has another prefix',
  )
  t.equal(processedKey('uploads/outputs'), 'processed/outputs')
})

t.test('no two outputs have the same key, and none has a key of a dead letter', async t => {
  const random = seededRandom(8)
  const pieces = [
    'uploads/',
    'uploads',
    'processed/',
    'processed',
    'processed-other/',
    '-other',
    '/',
    'outputs/',
    'a',
    '',
  ]
  const keys = new Set<string>()
  for (let n = 0; n < 20_000; n++) {
    const length = 1 + Math.floor(random() * 5)
    keys.add(Array.from({ length }, () => pieces[Math.floor(random() * pieces.length)]).join(''))
  }
  t.ok(keys.size > 5_000)
  const places = [...keys].flatMap(key => [processedKey(key), `${outputsPrefix(key)}a`, `${outputsPrefix(key)}outputs`])
  t.equal(new Set(places).size, 3 * keys.size)
  for (const place of places) if (/^dead-letters\//.test(place)) t.fail(place)
})

t.test('neither the key of an upload nor those of its outputs exceed the limit of S3, in bytes', async t => {
  const room = 1_024 - 'processed/outputs/uploads/me/0190//'.length - MAX_OUTPUT_NAME
  for (const [letter, bytes] of [
    ['x', 1],
    ['ä', 2],
    ['😀', 4],
  ] as const) {
    const longest = letter.repeat(Math.floor(room / bytes))
    const key = uploadKey(OWNED, { ...parts, filename: longest })
    t.ok(Buffer.byteLength(outputsPrefix(key)) + MAX_OUTPUT_NAME <= 1_024)
    t.throws(() => uploadKey(OWNED, { ...parts, filename: longest + letter }), {
      code: 'HEADGATE_INVALID_FILENAME',
      message: new RegExp(
        `^The file name is longer than ${room} bytes: the keys of its outputs would exceed the limit of S3\\.$`,
      ),
    })
  }
  t.throws(() => uploadKey(FLAT, { ...parts, filename: 'x'.repeat(934) }), { message: /longer than 933 bytes/ })
  t.equal(uploadKey(FLAT, { ...parts, filename: 'x'.repeat(933) }).length, 941)
})
