import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { createPartBuffers } from '../../../services/platform/s3/part-buffers.ts'

const SIZE = 1_024

/** Whether a promise is settled once all that can go on has. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  const settle = () => {
    settled = true
  }
  promise.then(settle, settle)
  await turn()
  return !settled
}

t.test('who comes when all are taken waits for its turn, and those behind it as well', async t => {
  const buffers = createPartBuffers(3, SIZE)
  const [first, second, third] = [await buffers.take(), await buffers.take(), await buffers.take()]
  const large = buffers.take(2 * SIZE)
  const small = buffers.take()
  buffers.give(first)
  t.ok(await isPending(large), 'a large one counts as two')
  t.ok(await isPending(small), 'and is not overtaken')
  buffers.give(second)
  t.equal((await large).length, 2 * SIZE)
  t.ok(await isPending(small))
  buffers.give(third)
  t.equal((await small).length, SIZE)
  const last = buffers.take()
  buffers.give(await large)
  t.equal((await last).length, SIZE)
})

t.test('who gives up leaves its place to the next', async t => {
  const buffers = createPartBuffers(2, SIZE)
  const held = await buffers.take()
  const gone = new AbortController()
  const large = buffers.take(2 * SIZE, gone.signal)
  const small = buffers.take()
  t.ok(await isPending(small))
  gone.abort(new Error('gone'))
  await t.rejects(large, { message: 'gone' })
  t.equal((await small).length, SIZE)
  await t.rejects(buffers.take(SIZE, gone.signal), { message: 'gone' })
  buffers.give(held)
  t.equal((await buffers.take(SIZE, gone.signal)).length, SIZE, 'nobody has to wait')
})

t.test('one that is larger than all there is waits until nobody else has any', async t => {
  const buffers = createPartBuffers(2, SIZE)
  const held = await buffers.take()
  const huge = buffers.take(9 * SIZE)
  t.ok(await isPending(huge))
  buffers.give(held)
  t.equal((await huge).length, 9 * SIZE)
  const next = buffers.take()
  t.ok(await isPending(next))
  buffers.give(await huge)
  await next
})
