import t from 'tap'
import { kinds, planSoakFile } from './plan.ts'

const settings = { owners: 10, onlyLight: true }

t.test('a seed plans the same files each time, and another seed plans others', async t => {
  const planned = async (seed: number) => {
    const { file, owner, format } = await planSoakFile(seed, 40, settings)
    return JSON.stringify({ file, owner, format })
  }
  t.equal(await planned(7), await planned(7))
  t.not(await planned(7), await planned(8))
})

t.test('a run has every kind of file, and one owner who sends more than all others', async t => {
  const files = await Promise.all(Array.from({ length: 300 }, (_, n) => planSoakFile(7, n, settings)))
  const missing = kinds.filter(kind => !kind.isHeavy && !files.some(planned => planned.kind === kind))
  t.same(missing, [])
  const ofFirst = files.filter(({ owner }) => owner === 0).length
  t.ok(ofFirst > 150 && ofFirst < 250, `${ofFirst} of 300 are the first owner's`)
  t.same([...new Set(files.map(({ owner }) => owner))].sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})
