import { once } from 'node:events'
import { Writable } from 'node:stream'
import { pino } from 'pino'
import t from 'tap'
import { type ConsumerLogger, StreamMissingError } from '../../../services/consumer/index.ts'
import { createStderrLogger, EventLog } from '../../../services/consumer/metrics/event-log.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const origin = { workerId: 'w1', applicationName: 'an-application', streamName: 'a-stream' }
const place = { shardId: 's1', sequenceNumber: '7', attempt: 1, retryInMs: 200 }
const record = {
  ...{ shardId: 's1', sequenceNumber: '7', subSequenceNumber: 0, partitionKey: 'k' },
  ...{ data: Buffer.from('secret'), arrivedAt: new Date() },
}

type Written = [level: string, fields: object, message: string]

function collectingLogger(): { written: Written[]; logger: ConsumerLogger } {
  const written: Written[] = []
  const at = (level: string) => (fields: object, message: string) => void written.push([level, fields, message])
  return { written, logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } }
}

t.test('a rejecting handler is logged once a minute, and the next line says how many were left out', async t => {
  const clock = new FakeClock()
  const { written, logger } = collectingLogger()
  const log = new EventLog({ logger, origin, clock })
  const error = new Error('no such order')
  for (let n = 0; n < 100; n++) log.write('recordFailed', { ...place, error, record })
  t.strictSame(written, [
    ['warn', { event: 'recordFailed', ...origin, err: error, ...place }, 'record failed and will be retried'],
  ])
  clock.advance(59_999)
  log.write('recordFailed', { ...place, error, record })
  t.equal(written.length, 1)
  clock.advance(1)
  log.write('recordFailed', { ...place, error, record })
  t.match(written[1], ['warn', { suppressed: 100 }])
  clock.advance(60_000)
  log.write('recordFailed', { ...place, error, record })
  t.notOk(Object.hasOwn(written[2]?.[1] ?? {}, 'suppressed'), 'nothing was left out before the third line')
})

t.test('faults of different operations and errors are different kinds, and each is logged', async t => {
  const { written, logger } = collectingLogger()
  const log = new EventLog({ logger, origin, clock: new FakeClock() })
  const fault = (operation: string, error: unknown) => log.write('fault', { operation, shardId: undefined, error })
  for (let n = 0; n < 2; n++) {
    fault('ListShards', new Error('x'))
    fault('GetRecords', new Error('x'))
    fault('GetRecords', new TypeError('x'))
    fault('GetRecords', Object.assign(new Error('x'), { code: 'ECONNRESET' }))
    fault('GetRecords', 'not an error')
    log.write('recordFailed', { ...place, error: new Error('x'), record })
  }
  t.equal(written.length, 6)
})

t.test('every change of a lease and the end of the consumer is logged, and a handled record is not', async t => {
  const { written, logger } = collectingLogger()
  const log = new EventLog({ logger, origin, clock: new FakeClock() })
  for (let n = 0; n < 2; n++) {
    log.write('leaseLost', { shardId: 's1', reason: 'taken by another worker' })
    log.write('failed', { error: new StreamMissingError('x') })
    log.write('recordHandled', { shardId: 's1', sequenceNumber: '7', attempt: 1, ms: 1 })
  }
  t.strictSame(
    written.map(([level]) => level),
    ['info', 'error', 'info', 'error'],
  )
})

t.test('any number of kinds of errors takes a bounded number of entries', async t => {
  const { written, logger } = collectingLogger()
  const log = new EventLog({ logger, origin, clock: new FakeClock() })
  const write = (n: number) =>
    log.write('fault', { operation: `operation ${n}`, shardId: undefined, error: new Error('x') })
  for (let n = 0; n < 1_001; n++) write(n)
  write(0)
  t.equal(written.length, 1_002, 'the first kind was forgotten, so it is written again')
})

t.test('a logger that throws is reported as a warning of the process, and the event goes on', async t => {
  const throwing = () => {
    throw new Error('the disk is full')
  }
  const logger = { debug: throwing, info: throwing, warn: throwing, error: throwing }
  const log = new EventLog({ logger, origin, clock: new FakeClock() })
  log.write('leaseRenewed', { shardId: 's1', leaseCounter: 1 })
  const [warning] = await once(process, 'warning')
  t.match(warning, { code: 'CONSUMER_LOGGER', message: /'leaseRenewed'/, detail: /the disk is full/ })
})

t.test('a logger of pino and the console can be passed as they are', async t => {
  const lines: string[] = []
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      lines.push(chunk.toString())
      done()
    },
  })
  const loggers: ConsumerLogger[] = [pino({ level: 'warn' }, stream), console]
  const [logger = console] = loggers
  const log = new EventLog({ logger, origin, clock: new FakeClock() })
  log.write('leaseRenewed', { shardId: 's1', leaseCounter: 1 })
  log.write('fault', { operation: 'GetRecords', shardId: 's1', error: new TypeError('broken') })
  t.equal(lines.length, 1)
  t.match(JSON.parse(lines[0] ?? ''), {
    msg: 'a call to AWS failed and will be retried',
    operation: 'GetRecords',
    streamName: 'a-stream',
    err: { type: 'TypeError', message: 'broken', stack: /TypeError: broken/ },
  })
})

t.test('the default logger writes warnings and errors as text, with the stack below', async t => {
  const texts: string[] = []
  const logger = createStderrLogger(text => texts.push(text))
  logger.debug({}, 'left out')
  logger.info({}, 'left out')
  logger.warn({ shardId: 's1', none: undefined, text: 'two words', err: new Error('broken\nin two') }, 'it failed')
  logger.error({ n: 3 }, 'it stops')
  const [first = '', second = ''] = texts
  t.equal(texts.length, 2)
  t.match(
    first,
    /^\S+Z kinesis-consumer warning: it failed shardId=s1 text="two words"\n {2}Error: broken\n {2}in two\n/,
  )
  t.match(second, /^\S+Z kinesis-consumer error: it stops n=3\n$/)
})
