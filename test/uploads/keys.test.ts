import t from 'tap'
import { processedKey, uploadKey } from '../../services/uploads/keys.ts'
import { seededRandom } from './examples.ts'

const OWNED = 'uploads/{owner}/{uploadId}/{filename}'
const FLAT = 'uploads/{filename}'
const parts = { owner: 'me', uploadId: '0190', filename: 'demo.txt' }

t.test('the template gives the key', async t => {
  t.equal(uploadKey(OWNED, parts), 'uploads/me/0190/demo.txt')
  t.equal(uploadKey(FLAT, parts), 'uploads/demo.txt')
})

t.test('nothing in a name is taken for a pattern or a part of the template', async t => {
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

t.test('a key that is not under uploads/ keeps all of itself, elsewhere', async t => {
  t.equal(processedKey('elsewhere/x'), 'processed-other/elsewhere/x', 'another producer’s')
  t.equal(processedKey('my-uploads/x'), 'processed-other/my-uploads/x')
  t.equal(processedKey('bare.txt'), 'processed-other/bare.txt')
  t.equal(processedKey('uploads'), 'processed-other/uploads')
})

t.test('two keys never have the same processed object, whichever of them is under uploads/', async t => {
  const random = seededRandom(8)
  const pieces = ['uploads/', 'uploads', 'processed/', 'processed', 'processed-other/', '-other', '/', 'other', 'a', '']
  const keys = new Set<string>()
  for (let n = 0; n < 20_000; n++) {
    const length = 1 + Math.floor(random() * 5)
    keys.add(Array.from({ length }, () => pieces[Math.floor(random() * pieces.length)]).join(''))
  }
  t.ok(keys.size > 5_000)
  t.equal(new Set([...keys].map(processedKey)).size, keys.size)
  for (const key of keys) if (/^dead-letters\//.test(processedKey(key))) t.fail(key)
})

t.test('neither the key nor the processed one is longer than S3 takes, in bytes', async t => {
  const room = 1_024 - 'processed/me/0190/'.length
  for (const [letter, bytes] of [
    ['x', 1],
    ['ä', 2],
    ['😀', 4],
  ] as const) {
    const longest = letter.repeat(Math.floor(room / bytes))
    const key = uploadKey(OWNED, { ...parts, filename: longest })
    t.ok(Buffer.byteLength(processedKey(key)) <= 1_024)
    t.throws(() => uploadKey(OWNED, { ...parts, filename: longest + letter }), {
      code: 'HEADGATE_INVALID_FILENAME',
      message: new RegExp(`^The file name is longer than ${room} bytes: its object could have no key\\.$`),
    })
  }
  t.equal(Buffer.byteLength(processedKey(uploadKey(OWNED, { ...parts, filename: 'x'.repeat(room) }))), 1_024)
  t.throws(() => uploadKey(FLAT, { ...parts, filename: 'x'.repeat(1_015) }), { message: /longer than 1014 bytes/ })
  t.equal(uploadKey(FLAT, { ...parts, filename: 'x'.repeat(1_014) }).length, 1_022)
})
