import t from 'tap'
import { createPrintLimit } from '../../../services/worker/transforms/processes/print-limit.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function printer(maxBytes: number) {
  const written: string[] = []
  const clock = new FakeClock()
  const print = createPrintLimit({
    write: bytes => void written.push(bytes.toString()),
    maxBytes,
    periodMs: 1_000,
    now: clock.now,
  })
  return { print: (text: string) => print(Buffer.from(text)), written, clock }
}

t.test('passes on the output of a process, up to the maximum', async t => {
  const { print, written } = printer(6)
  print('abc')
  print('def')
  t.strictSame(written, ['abc', 'def'])
})

t.test('drops output over the maximum, and reports that once per period', async t => {
  const { print, written } = printer(4)
  print('abcdef')
  for (let n = 0; n < 1_000; n++) print('x'.repeat(1_000))
  t.equal(written.length, 2)
  t.equal(written[0], 'abcd')
  t.match(written[1], /output is dropped/)
})

t.test('also reports dropped output after exactly the maximum', async t => {
  const { print, written } = printer(4)
  print('abcd')
  print('e')
  t.match(written, ['abcd', /output is dropped/])
})

t.test('passes on output again in the next period', async t => {
  const { print, written, clock } = printer(4)
  print('abcdef')
  clock.advance(999)
  print('gone')
  clock.advance(1)
  print('ij')
  t.strictSame([written.length, written.at(-1)], [3, 'ij'])
})
