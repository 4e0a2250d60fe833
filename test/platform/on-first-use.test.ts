import t from 'tap'
import { onFirstUse } from '../../services/platform/on-first-use.ts'

t.test('makes the value on the first call, once for all callers', async t => {
  let made = 0
  const thing = onFirstUse(async () => ({ number: ++made }))
  t.equal(thing.ifUsed(), undefined)
  t.equal(made, 0)
  const [first, second] = await Promise.all([thing(), thing()])
  t.equal(first, second)
  t.equal(await thing.ifUsed(), first)
  t.equal(await thing(), first)
  t.equal(made, 1)
})

t.test('retries on the next call after a failure', async t => {
  let tries = 0
  const thing = onFirstUse(async () => {
    tries++
    if (tries === 1) throw new Error('not yet')
    return tries
  })
  await t.rejects(Promise.all([thing(), thing()]), { message: 'not yet' })
  t.equal(tries, 1, 'those who waited together failed together')
  t.equal(thing.ifUsed(), undefined)
  t.equal(await thing(), 2)
})
