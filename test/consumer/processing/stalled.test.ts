import t from 'tap'
import { processorOf, recordOf } from './support.ts'

t.test(
  'the time without progress counts from the first waiting record, and starts again when records are done',
  async t => {
    const finish = new Map<string, () => void>()
    const handler = ({ sequenceNumber }: { sequenceNumber: string }) =>
      new Promise<void>(resolve => {
        finish.set(sequenceNumber, resolve)
      })
    const { clock, processor } = processorOf({ handler })
    const stalled = () => processor.stalledMs(clock.now())
    const done = async (number: number) => {
      finish.get(String(number))?.()
      await Promise.resolve()
      await Promise.resolve()
    }
    clock.advance(1_000)
    t.equal(stalled(), 0, 'no record waits')
    processor.add([recordOf(1), recordOf(2), recordOf(3)])
    clock.advance(100)
    processor.add([recordOf(4)])
    t.equal(stalled(), 100, 'a further record does not restart it')
    await done(2)
    clock.advance(100)
    t.equal(stalled(), 200, 'the first record still waits')
    await done(1)
    t.equal(stalled(), 0)
    clock.advance(50)
    t.equal(stalled(), 50)
    processor.restartStall()
    t.equal(stalled(), 0, 'the time of a pause does not count')
    await done(3)
    await done(4)
    clock.advance(5_000)
    t.equal(stalled(), 0)
    processor.add([recordOf(5)])
    t.equal(stalled(), 0, 'the time without records does not count')
    await done(5)
  },
)
