import path from 'node:path'
import t from 'tap'
import { isUpper, textBytes, textOfBytes, upperBytes } from '../../bench/large/text.ts'
import { runProgram } from '../support/processes.ts'

const run = path.resolve(import.meta.dirname, '../../bench/run.ts')

t.test('a text of 512 MiB is processed in a fraction of its size of memory', async t => {
  const program = runProgram(t, [run, 'large-object', '--quick', '--json'])
  t.strictSame(await program.ended, { code: 0, signal: null }, program.stderr())
  const report = JSON.parse(program.stdout())
  t.match(report, { name: 'large-object', verdict: /^(Flat|Growing): / })
  const { externalMiB, heapMiB } = report.figures.headgate
  // Three parts of 8 MiB, data in transit, and garbage.
  t.ok(externalMiB.max < 200, `${externalMiB.max} MiB outside of the heap`)
  t.ok(heapMiB.max < 200, `${heapMiB.max} MiB of heap`)
})

t.test('the verified text equals the text in upper case', async t => {
  const bytes = textBytes(300_000)
  const pieces = [...textOfBytes(bytes)]
  const upper = Buffer.from(Buffer.concat(pieces).toString().toUpperCase())
  t.ok(pieces.length > 3)
  t.equal(upper.byteLength, upperBytes(bytes))
  for (const offset of [0, 1, 100_000]) t.ok(isUpper(upper.subarray(offset), offset))
  const wrong = Buffer.from(upper)
  wrong[5_000] = 0
  t.notOk(isUpper(wrong, 0))
  t.notOk(isUpper(upper.subarray(1), 0))
})
