import { PutRecordsCommand } from '@aws-sdk/client-kinesis'
import t from 'tap'
import { STREAM } from '../../consumer/support.ts'
import { aggregate } from '../../support/aggregate.ts'
import { headgateHere } from '../program.ts'
import { hasPrinted, isReading, linesOf, merge, shardId, split, startStreamTest } from './support.ts'

const numbered = (count: number, name = 'record') =>
  Array.from({ length: count }, (_, i) => ({ key: `key-${i % 20}`, data: `${name} ${i}` }))

t.test('headgate tail prints JSON, text, bytes and aggregated records of every shard', async t => {
  const stream = await startStreamTest(t, { shards: 2 })
  const headgate = headgateHere(t, stream.env)
  const datas = {
    json: '{\n  "id": 12345678901234567890,\n  "name": "a  b",\n  "ok": [1.0]\n}\n',
    text: 'first\nsecond \u001b[2J',
    bytes: Buffer.from([0xff, 0x00, 0x41]),
    kpl: aggregate([
      { key: 'inner-1', data: Buffer.from('one') },
      { key: 'inner-2', data: Buffer.from('two'), hashKey: '7' },
    ]),
    control: '["\u009b2J"]',
    deep: `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
    'key\nwith a line break': '12345678901234567890',
  }
  await stream.kinesis.send(
    new PutRecordsCommand({
      StreamName: STREAM,
      Records: Object.entries(datas).map(([PartitionKey, data]) => ({ PartitionKey, Data: Buffer.from(data) })),
    }),
  )

  const text = await headgate('tail', '--no-follow')
  t.equal(text.code, 0, text.stderr)
  t.equal(text.stderr, '')
  const columns = text.stdout
    .trimEnd()
    .split('\n')
    .map(line => line.split('  '))
  t.ok(columns.every(([time, shard]) => /^\d{4}-.*Z$/.test(time ?? '') && /^shardId-0{11}[01]$/.test(shard ?? '')))
  t.strictSame(
    columns.map(([, , ...rest]) => rest.join('  ')).sort(),
    [
      'inner-1  one',
      'inner-2  two',
      'bytes  0xff0041',
      'json  {"id": 12345678901234567890,"name": "a  b","ok": [1.0]}',
      'control  ["\\u009b2J"]',
      `deep  ${datas.deep}`,
      'key\\nwith a line break  12345678901234567890',
      'text  first\\nsecond \\x1b[2J',
    ].sort(),
  )

  const json = await headgate('tail', STREAM, '--json', '--no-follow')
  t.equal(json.code, 0, json.stderr)
  const byKey = new Map(json.lines().map(row => [row.partitionKey, row]))
  t.equal(byKey.size, 8)
  t.match(byKey.get('json'), { encoding: 'json', data: { name: 'a  b' }, sequenceNumber: /^\d{20,}$/ })
  t.match(json.stdout, '"data":{"id":12345678901234567890,"name":"a  b","ok":[1.0]}}\n', 'numbers are not rounded')
  t.match(byKey.get('text'), { encoding: 'text', data: datas.text, subSequenceNumber: 0 })
  t.match(
    byKey.get('deep'),
    { encoding: 'text', data: datas.deep },
    'JSON that is nested too deeply to be written is text',
  )
  t.match(byKey.get('bytes'), { encoding: 'base64', data: datas.bytes.toString('base64') })
  t.match(byKey.get('inner-2'), { encoding: 'text', data: 'two', subSequenceNumber: 1, explicitHashKey: '7' })
  t.match(byKey.get('key\nwith a line break'), { encoding: 'text', data: '12345678901234567890' })

  const hex = await headgate('tail', '--no-follow', '--hex', '--filter', 'second')
  t.match(hex.stdout, /^\S+Z {2}shardId-\d+ {2}text {2}17 bytes\n {2}00000000 {2}66 69 72 73 74 0a/)
  t.match(hex.stdout, '63 6f 6e 64 20 1b 5b 32  |first.second .[2|\n')
  t.equal(hex.stdout.trimEnd().split('\n').length, 3)
  const hexJson = await headgate('tail', '--no-follow', '--hex', '--json', '--filter', 'bytes')
  t.match(hexJson.lines(), [{ encoding: 'hex', data: 'ff0041' }])
})

t.test('headgate tail selects records by text, shard, time and number', async t => {
  const stream = await startStreamTest(t, { shards: 2 })
  const headgate = headgateHere(t, stream.env)
  await stream.put(numbered(40))
  const all = (await headgate('tail', '--no-follow', '--json')).lines()
  t.equal(all.length, 40)
  const one = all.filter(row => row.shardId === shardId(1))
  t.ok(one.length > 0 && one.length < 40)
  t.strictSame((await headgate('tail', '--no-follow', '--json', '--shard', shardId(1))).lines(), one)
  const filtered = await headgate('tail', '--no-follow', '--json', '--filter', 'key-7', '--filter', 'record 2')
  t.match(filtered.lines(), [{ partitionKey: 'key-7', data: 'record 27' }])
  t.equal(filtered.lines().length, 1)
  const limited = await headgate('tail', '--from', 'TRIM_HORIZON', '--limit', '3', '--json')
  t.equal(limited.code, 0)
  t.equal(limited.lines().length, 3, 'a limit ends a command that follows the stream')
  t.equal((await headgate('tail', '--no-follow', '--from', '1h', '--json')).lines().length, 40)
  t.equal((await headgate('tail', '--no-follow', '--from', 'latest')).stdout, '')
})

t.test('headgate tail prints only new records until Ctrl-C, and then exits with 0', async t => {
  const stream = await startStreamTest(t, { shards: 2 })
  await stream.put(numbered(20, 'old'))
  const program = stream.start('tail')
  await isReading(program)
  t.match(program.stderr(), `Reading 2 shards of '${STREAM}' from latest. Ctrl-C ends this.\n`)
  await stream.put(numbered(20, 'new'))
  await hasPrinted(program, 20)
  t.strictSame(linesOf(program).filter(line => line.includes('new')).length, 20)
  program.child.kill('SIGINT')
  t.strictSame(await program.ended, { code: 0, signal: null })
  t.equal(linesOf(program).length, 20)
})

t.test('headgate tail follows a split and a merge: each record once, children after their parents', async t => {
  const stream = await startStreamTest(t, { shards: 1 })
  await stream.put(numbered(40, 'a'))
  const program = stream.start('tail', '--from', 'trim-horizon')
  await hasPrinted(program, 40)
  await split(stream.kinesis, shardId(0))
  await stream.put(numbered(40, 'b'))
  await hasPrinted(program, 80)
  await merge(stream.kinesis, shardId(1), shardId(2))
  await stream.put(numbered(40, 'c'))
  await hasPrinted(program, 120)
  program.child.kill('SIGINT')
  await program.ended
  t.match(program.stderr(), `${shardId(0)} has ended. ${shardId(1)} and ${shardId(2)} follow.\n`)
  t.match(program.stderr(), `${shardId(2)} has ended. ${shardId(3)} follow`)

  const wanted = ['a', 'b', 'c'].flatMap(name => numbered(40, name))
  const inOrder = (lines: string[], key: string) =>
    lines
      .map(line => line.split('  '))
      .filter(columns => columns[2] === key)
      .map(columns => columns[3])
  // A command that begins now finds four shards, three of them closed.
  const later = stream.start('tail', '--no-follow')
  await later.ended
  for (const lines of [linesOf(program), linesOf(later)]) {
    t.equal(lines.length, 120)
    for (const key of new Set(wanted.map(({ key }) => key))) {
      t.strictSame(
        inOrder(lines, key),
        wanted.filter(record => record.key === key).map(({ data }) => data),
        key,
      )
    }
  }

  const one = stream.start('tail', '--shard', shardId(0), '--from', 'trim-horizon')
  t.strictSame(await one.ended, { code: 0, signal: null }, 'the command ends with the last of its shards')
  t.equal(linesOf(one).length, 40)
  t.match(one.stderr(), 'follow, but are not read')
  const closed = stream.start('tail', '--shard', shardId(0))
  t.equal((await closed.ended).code, 1)
  t.match(closed.stderr(), /^shardId-0+ of 'test-stream' is closed, .* --from trim-horizon\.\n$/)
})

t.test('headgate tail ends quietly when the reader of its output is gone', async t => {
  const stream = await startStreamTest(t, { shards: 1 })
  await stream.put(numbered(3, 'old'))
  const program = stream.shell('{ "$@" tail --from trim-horizon; echo "code $?" >&2; } | head -n 1')
  await hasPrinted(program, 1)
  // The command finds out when it prints the next record.
  await isReading(program)
  await stream.put(numbered(2, 'new'))
  await program.ended
  t.match(program.stderr(), /^Reading 1 shard of .*\ncode 0\n$/)
  t.match(program.stdout(), /^\S+ {2}shardId-0+ {2}key-0 {2}old 0\n$/)
})

t.test('headgate tail reports a wrong command line, stream or shard', async t => {
  const stream = await startStreamTest(t, { shards: 1 })
  const headgate = headgateHere(t, stream.env)
  for (const [args, message] of [
    [['--from', 'yesterday'], /^--from must be a time such as .*, not "yesterday"\.$/m],
    [['--from', '2999-01-01'], /^--from must be a time in the past, not 2999-01-01\.$/m],
    [['--limit', '0'], /^--limit must be a positive whole number, not '0'\.$/m],
    [['--filter', ''], /^--filter must not be empty\.$/m],
    [['one', 'two'], /^'headgate tail' reads one stream, not also 'two'\.$/m],
    [['a stream'], /^'a stream' is not the name of a stream/],
  ] as const) {
    const { code, stderr } = await headgate('tail', ...args)
    t.equal(code, 2, args.join(' '))
    t.match(stderr, message)
  }
  const missing = await headgate('tail', 'nowhere', '--json')
  t.equal(missing.code, 1)
  t.match(JSON.parse(missing.stderr), {
    error: { code: 'HEADGATE_NOTHING_FOUND', message: /^There is no stream 'nowhere'\. Check its name, AWS_REGION/ },
  })
  const shard = await headgate('tail', '--shard', 'shardId-9')
  t.equal(shard.code, 1)
  t.equal(shard.stderr, `The stream '${STREAM}' has no shard 'shardId-9'. It has ${shardId(0)}.\n`)
})
