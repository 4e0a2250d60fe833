import t from 'tap'
import { createPartBuffers } from '../../../services/platform/s3/part-buffers.ts'

/** What has been settled by now, in the order in which it was. */
function watch() {
  const seen: string[] = []
  return {
    seen,
    note<T>(name: string, promise: Promise<T>): Promise<T> {
      promise.then(
        () => seen.push(name),
        error => seen.push(`${name}: ${error.code}`),
      )
      return promise
    },
  }
}

const soon = () => new Promise(resolve => setImmediate(resolve))

t.test('as many are taken at a time as there are, and each is used again', async t => {
  const buffers = createPartBuffers(2, 10)
  const first = await buffers.take()
  await buffers.take()
  const { seen, note } = watch()
  const third = note('third', buffers.take())
  await soon()
  t.same(seen, [])
  buffers.give(first)
  t.equal(await third, first)
})

t.test('nobody has all of them, so that somebody else need not wait', async t => {
  const buffers = createPartBuffers(8, 10)
  const { seen, note } = watch()
  const taken = await Promise.all(Array.from({ length: 6 }, () => buffers.take({ whose: 'a' })))
  const seventh = note('a', buffers.take({ whose: 'a' }))
  await buffers.take({ whose: 'b' })
  await buffers.take({ whose: 'c' })
  const third = note('d', buffers.take({ whose: 'd' }))
  await soon()
  t.same(seen, [])
  buffers.give(taken[0] as Buffer, 'a')
  await soon()
  t.same(seen, ['a'], 'who came first is first, within a share')
  buffers.give(taken[1] as Buffer, 'a')
  await soon()
  t.same(seen, ['a', 'd'])
  await Promise.all([seventh, third])
})

t.test('who goes on is before who begins', async t => {
  const buffers = createPartBuffers(1, 10)
  const { seen, note } = watch()
  const buffer = await buffers.take()
  const begins = note('begins', buffers.take())
  const goesOn = note('goes on', buffers.take({ goesOn: true }))
  buffers.give(buffer)
  buffers.give(await goesOn)
  await begins
  t.same(seen, ['goes on', 'begins'])
})

t.test('who waits for too long is told so, and takes nobody’s turn', async t => {
  const buffers = createPartBuffers(1, 10, 20)
  const buffer = await buffers.take()
  await t.rejects(buffers.take(), { code: 'HEADGATE_NO_PART_BUFFER' })
  const next = buffers.take()
  buffers.give(buffer)
  t.equal(await next, buffer)
})

t.test('a larger one counts as several', async t => {
  const buffers = createPartBuffers(3, 10)
  const { seen, note } = watch()
  const large = await buffers.take({ bytes: 20 })
  t.equal(large.length, 20)
  await buffers.take()
  const two = [note('one', buffers.take()), note('another', buffers.take())]
  await soon()
  t.same(seen, [])
  buffers.give(large)
  await Promise.all(two)
  t.same(seen, ['one', 'another'])
})

t.test('without a bound nobody waits', async t => {
  const buffers = createPartBuffers(Number.POSITIVE_INFINITY, 10)
  const taken = await Promise.all(Array.from({ length: 100 }, () => buffers.take({ whose: 'a' })))
  t.equal(new Set(taken).size, 100)
})
