import t from 'tap'
import { createPartBuffers } from '../../../services/platform/s3/part-buffers.ts'

/** Creates buffers with eight bytes for first rooms, and three full parts of eight bytes. */
const small = () => createPartBuffers(32, { partBytes: 8, firstBytes: 2, waitMs: 50 })

t.test('an upload starts with a small room, and grows to a full part', async t => {
  const room = await small().take({ owner: 'a' })
  const chunk = Buffer.from('0123456789')
  t.equal(room.add(chunk, 0), 2, 'what the first room holds')
  t.notOk(room.isFull)
  await room.grow()
  t.equal(room.add(chunk, 2), 8)
  t.ok(room.isFull)
  t.equal(room.filled().toString(), '01234567')
  room.release()
})

t.test('a continuing upload gets a full part at once, and so does an upload with many bytes', async t => {
  const buffers = small()
  for (const request of [{ isContinuing: true }, { minBytes: 5 }]) {
    const room = await buffers.take({ ...request, owner: 'a' })
    t.equal(room.add(Buffer.alloc(9), 0), 8)
    room.release()
  }
})

t.test('a part that is known to be small takes no more memory than it needs', async t => {
  const buffers = small()
  const rooms = await Promise.all(Array.from({ length: 8 }, (_, n) => buffers.take({ bytes: 1, owner: `${n}` })))
  for (const room of rooms) {
    room.add(Buffer.from('x'), 0)
    t.ok(room.isFull)
  }
  await t.rejects(buffers.take({ bytes: 1 }), { code: 'HEADGATE_NO_PART_BUFFER' })
})

t.test('first rooms and full parts use separate memory', async t => {
  const buffers = small()
  const first = await Promise.all(Array.from({ length: 4 }, (_, n) => buffers.take({ owner: `${n}` })))
  await t.rejects(buffers.take({ owner: 'x' }), { code: 'HEADGATE_NO_PART_BUFFER' })
  await Promise.all(first.slice(1).map(room => room.grow()))
  await t.rejects(buffers.take({ owner: 'x', isContinuing: true }), { code: 'HEADGATE_NO_PART_BUFFER' })
  const begins = await buffers.take({ owner: 'x' })
  for (const room of [...first, begins]) room.release()
  const all = await Promise.all(
    Array.from({ length: 3 }, (_, n) => buffers.take({ owner: `${n}`, isContinuing: true })),
  )
  t.equal(all.length, 3, 'all of it is back')
})

t.test('without a limit no upload waits, and no byte is copied twice', async t => {
  const buffers = createPartBuffers(Number.POSITIVE_INFINITY, { partBytes: 10, firstBytes: 2 })
  const rooms = await Promise.all(Array.from({ length: 100 }, () => buffers.take({ owner: 'a' })))
  for (const room of rooms) t.equal(room.add(Buffer.alloc(10), 0), 10)
})
