import t from 'tap'
import { Queue } from '../../../services/consumer/processing/queue.ts'

t.test('items leave the queue in the order in which they were added', async t => {
  const queue = new Queue<number>()
  let [added, taken] = [0, 0]
  // Grows to thousands and shrinks to nothing, repeatedly.
  for (let i = 0; i < 20_000; i++) {
    for (let n = 0; n < 2 + Math.sin(i / 1_000) * 2; n++) queue.push(added++)
    for (let n = 0; n < 2; n++) {
      const item = queue.shift()
      if (item !== (taken < added ? taken : undefined)) return t.fail(`${item} came in place of ${taken}`)
      if (item !== undefined) taken++
    }
  }
  while (taken < added) if (queue.shift() !== taken++) return t.fail(`not ${taken - 1}`)
  t.equal(queue.shift(), undefined)
})
