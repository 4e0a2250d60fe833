import t from 'tap'
import { processedKey, uploadKey } from '../../services/uploads/keys.ts'

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
  t.equal(processedKey('elsewhere/x'), 'processed/elsewhere/x', 'another producer’s')
  t.equal(processedKey('my-uploads/x'), 'processed/my-uploads/x')
})

t.test('two keys never have the same processed object, whichever of them is under uploads/', async t => {
  const keys = ['uploads/a', 'uploads/uploads/a', 'uploads/b']
  t.equal(new Set(keys.map(processedKey)).size, keys.length)
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
      message: /^The file name is \d bytes too long for a key of S3\.$/,
    })
  }
  t.equal(Buffer.byteLength(processedKey(uploadKey(OWNED, { ...parts, filename: 'x'.repeat(room) }))), 1_024)
  t.throws(() => uploadKey(FLAT, { ...parts, filename: 'x'.repeat(1_015) }), { message: /is 1 bytes too long/ })
  t.equal(uploadKey(FLAT, { ...parts, filename: 'x'.repeat(1_014) }).length, 1_022)
})
