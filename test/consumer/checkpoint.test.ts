import t from 'tap'
import {
  AT_TIMESTAMP,
  compareCheckpoints,
  compareSequence,
  LATEST,
  SHARD_END,
  TRIM_HORIZON,
} from '../../services/consumer/checkpoint.ts'

const at = (sequenceNumber: string, subSequenceNumber = 0) => ({ sequenceNumber, subSequenceNumber })

t.test('checkpoints are compared in the order of KCL', async t => {
  const ascending = [AT_TIMESTAMP, TRIM_HORIZON, LATEST, at('9'), at('10'), at('10', 1), at('11'), SHARD_END]
  for (const [i, a] of ascending.entries()) {
    for (const [j, b] of ascending.entries()) {
      t.equal(Math.sign(compareCheckpoints(a, b)), Math.sign(i - j), `${a.sequenceNumber} and ${b.sequenceNumber}`)
    }
  }
})

t.test('sequence numbers are compared as numbers, even if they are too long for a JavaScript number', async t => {
  const low = `4${'9'.repeat(54)}`
  const high = `4${'9'.repeat(55)}`
  t.ok(compareSequence(low, high) < 0)
  t.ok(compareSequence('9', '10') < 0)
  t.equal(compareSequence(high, high), 0)
})
