import { once } from 'node:events'
import { createWriteStream, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DescribeStreamSummaryCommand, UpdateMaxRecordSizeCommand } from '@aws-sdk/client-kinesis'
import t from 'tap'
import { STREAM } from '../../consumer/support.ts'
import { readStream } from '../../support/stream.ts'
import { headgateHere } from '../program.ts'
import { shardId, startStreamTest } from './support.ts'

const MIB = 1024 ** 2

t.test('headgate put puts each line of a file as a record, with random keys over all shards', async t => {
  const stream = await startStreamTest(t, { shards: 2 })
  const headgate = headgateHere(t, stream.env)
  const lines = Array.from({ length: 1_200 }, (_, i) => `line ${i}`)
  const file = path.join(t.testdir(), 'lines.txt')
  // An empty line, a line of Windows, bytes that are not UTF-8, and no line break at the end.
  writeFileSync(
    file,
    Buffer.concat([Buffer.from(`${lines.join('\n')}\n\nwindows\r\n`), Buffer.from([0xff, 0x0a]), Buffer.from('last')]),
  )
  const { code, stdout, stderr } = await headgate('put', STREAM, file)
  t.equal(code, 0, stderr)
  t.match(stdout, /^Put 1203 records on 'test-stream', to shardId-0+ \(\d+\), shardId-0+1 \(\d+\)\.\n$/)
  const found = await readStream(stream.kinesis, STREAM)
  const datas = found.map(({ Data = [] }) => Buffer.from(Data).toString('latin1'))
  t.strictSame(datas.sort(), [...lines, 'windows', '\xff', 'last'].sort())
  t.equal(new Set(found.map(({ PartitionKey }) => PartitionKey)).size, 1_203)

  const empty = path.join(t.testdir(), 'empty.txt')
  writeFileSync(empty, '\n')
  t.match(await headgate('put', STREAM, empty), { code: 0, stdout: /^The input is empty: no record was put/ })
})

t.test('headgate put keeps the order of a partition key', async t => {
  const stream = await startStreamTest(t, { shards: 2 })
  const headgate = headgateHere(t, stream.env)
  const file = path.join(t.testdir(), 'events.jsonl')
  const events = Array.from({ length: 700 }, (_, i) => ({ user: i % 3 === 0 ? 'ann' : `${i % 3}`, n: i, id: 12345 }))
  writeFileSync(file, events.map(event => JSON.stringify(event)).join('\n'))

  const json = await headgate('put', STREAM, file, '--key-field', 'user', '--json')
  t.equal(json.code, 0, json.stderr)
  const [summary] = json.lines()
  t.match(summary, { stream: STREAM, records: 700 })
  const found = await readStream(stream.kinesis, STREAM)
  for (const key of ['ann', '1', '2']) {
    const ofKey = found.filter(({ PartitionKey }) => PartitionKey === key)
    const datas = ofKey.map(({ Data = [] }) => JSON.parse(Buffer.from(Data).toString()))
    t.strictSame(
      datas,
      events.filter(({ user }) => user === key),
    )
  }
  const last = found.find(({ SequenceNumber }) => SequenceNumber === summary.shards[0].lastSequenceNumber)
  t.ok(last, 'the sequence number is one of the stream')

  const whole = await headgate('put', STREAM, file, '--whole', '--key', 'k')
  t.match(whole, {
    code: 0,
    stdout: /^Put 1 record on 'test-stream', to shardId-\d+, with the sequence number \d+\.\n$/,
  })
  const number = await headgate('put', STREAM, file, '--key-field', 'id')
  t.equal(number.code, 0, number.stderr)
  const after = await readStream(stream.kinesis, STREAM)
  t.equal(after.filter(({ PartitionKey }) => PartitionKey === '12345').length, 700)
  const [one] = after.filter(({ PartitionKey }) => PartitionKey === 'k')
  t.equal(Buffer.from(one?.Data ?? []).toString(), events.map(event => JSON.stringify(event)).join('\n'))
})

t.test('headgate put checks a whole file before it sends anything, and names the line', async t => {
  const stream = await startStreamTest(t, { shards: 1 })
  const headgate = headgateHere(t, stream.env)
  const folder = t.testdir()
  async function refuses(content: string, args: string[], message: string) {
    const file = path.join(folder, 'input')
    writeFileSync(file, content)
    const { code, stdout, stderr } = await headgate('put', STREAM, file, ...args)
    t.strictSame([code, stdout, stderr], [1, '', `${message} Nothing was put.\n`])
  }
  const field = ['--key-field', 'user']
  await refuses('{"user":"a"}\n{"user":', field, "Line 2 is not a JSON object, so --key-field 'user' finds no key.")
  await refuses('{"user":"a"}\n\n[]', field, "Line 3 is not a JSON object, so --key-field 'user' finds no key.")
  await refuses('{"user":{}}', field, "Line 1 has no string, number or boolean 'user' for its partition key.")
  await refuses(
    '{"toString":1}',
    ['--key-field', 'valueOf'],
    "Line 1 has no string, number or boolean 'valueOf' for its partition key.",
  )
  await refuses('{"user":""}', field, "Line 1 has a 'user' with 0 characters, but a partition key has 1 to 256.")
  const limit = `but the maximum record size of the stream is ${MIB}. Raise it in the settings of the stream, up to 10 MiB, or make the record smaller.`
  await refuses(
    `a\n${'b'.repeat(MIB)}\n`,
    ['--key', 'kk'],
    `Line 2 has ${MIB + 2} bytes with its partition key, ${limit}`,
  )
  const max = `but no stream accepts a record of more than ${10 * MIB}.`
  await refuses(
    `a\n${'b'.repeat(11 * MIB)}\n`,
    [],
    `Line 2 has more than ${10 * MIB} bytes with its partition key, ${max}`,
  )
  await refuses(
    'b'.repeat(11 * MIB),
    ['--whole'],
    `The input has more than ${10 * MIB} bytes with its partition key, ${max}`,
  )
  t.strictSame(await readStream(stream.kinesis, STREAM), [])
})

t.test('headgate put puts records of up to the maximum record size of the stream', async t => {
  const stream = await startStreamTest(t, { shards: 1 })
  const headgate = headgateHere(t, stream.env)
  const { StreamDescriptionSummary: summary } = await stream.kinesis.send(
    new DescribeStreamSummaryCommand({ StreamName: STREAM }),
  )
  await stream.kinesis.send(
    new UpdateMaxRecordSizeCommand({ StreamARN: summary?.StreamARN, MaxRecordSizeInKiB: 5 * 1024 }),
  )
  const file = path.join(t.testdir(), 'large.txt')
  const lines = ['a', 'b', 'c'].map(letter => letter.repeat(4 * MIB))
  writeFileSync(file, lines.join('\n'))
  const { code, stderr } = await headgate('put', STREAM, file, '--key', 'k')
  t.equal(code, 0, stderr)
  const found = await readStream(stream.kinesis, STREAM)
  t.strictSame(
    found.map(({ Data = [] }) => Buffer.from(Data).toString()),
    lines,
  )
})

t.test('headgate put sends the lines of a pipe as they arrive', async t => {
  const stream = await startStreamTest(t, { shards: 1 })
  const fifo = path.join(t.testdir(), 'fifo')
  const made = stream.shell(`mkfifo '${fifo}'`)
  t.equal((await made.ended).code, 0)
  const tail = stream.start('tail', '--limit', '2', '--from', 'trim-horizon')
  const program = stream.shell(`cat '${fifo}' | "$@" put --key-field user`)
  const input = createWriteStream(fifo)
  await once(input, 'open')
  input.write('{"user":"a"}\n{"user":"b"}\n')
  t.equal((await tail.ended).code, 0, 'the records arrive while the pipe is open')
  t.equal(program.child.exitCode, null)
  input.end('{"user":"a"}\nnot json\n{"user":"c"}\n')
  t.equal((await program.ended).code, 1)
  t.equal(program.stdout(), `Put 3 records on '${STREAM}', to ${shardId(0)} (3).\n`)
  t.equal(
    program.stderr(),
    "Line 4 is not a JSON object, so --key-field 'user' finds no key. 3 records before it were put.\n",
  )
  t.equal((await readStream(stream.kinesis, STREAM)).length, 3)
})

t.test('headgate put reads a file on standard input from its current position, and checks it first', async t => {
  const stream = await startStreamTest(t, { shards: 1 })
  const file = path.join(t.testdir(), 'table.csv')
  writeFileSync(file, 'header\none\ntwo\n')
  const good = stream.shell(`{ read header; "$@" put --key k --json; } < '${file}'`)
  t.equal((await good.ended).code, 0, good.stderr())
  t.match(JSON.parse(good.stdout()), { records: 2 })
  writeFileSync(file, '{"k":"a"}\nbroken\n')
  const bad = stream.shell(`"$@" put --key-field k < '${file}'`)
  t.equal((await bad.ended).code, 1)
  t.match(bad.stderr(), /^Line 2 is not a JSON object.*Nothing was put\.\n$/)
  t.equal((await readStream(stream.kinesis, STREAM)).length, 2)
})

t.test('headgate put reports a wrong command line, stream or file', async t => {
  const stream = await startStreamTest(t, { shards: 1 })
  const headgate = headgateHere(t, stream.env)
  const folder = t.testdir({ 'some.txt': 'text\n' })
  for (const [args, message] of [
    [['--key', 'a', '--key-field', 'b'], '--key and --key-field cannot be combined.'],
    [['--key', ''], '--key must have 1 to 256 characters.'],
    [['a', 'b', 'c'], "'headgate put' takes one stream and one file, not also 'c'."],
  ] as const) {
    const { code, stderr } = await headgate('put', ...args)
    t.strictSame([code, stderr], [2, `${message}\n`])
  }
  const noFile = await headgate('put', STREAM, path.join(folder, 'none'))
  t.match(noFile, { code: 1, stderr: /^There is no file '.*none'\.\n$/ })
  const isFolder = await headgate('put', STREAM, folder)
  t.match(isFolder, { code: 1, stderr: /' is a folder\. Give a file, or - for standard input\.\n$/ })
  const noStream = await headgate('put', 'nowhere', path.join(folder, 'some.txt'))
  t.match(noStream, { code: 1, stdout: '', stderr: /^There is no stream 'nowhere'\. Check its name/ })
  const onlyFile = stream.shell(`cd '${folder}' && echo x | "$@" put some.txt`)
  t.equal((await onlyFile.ended).code, 1)
  t.match(onlyFile.stderr(), "To put the file 'some.txt' on the stream of STREAM_NAME: headgate put < some.txt\n")
})
