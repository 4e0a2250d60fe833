import { spawnSync } from 'node:child_process'
import t from 'tap'
import { readAggregate } from '../../../services/consumer/aggregation/aggregate.ts'
import { aggregate } from '../../support/aggregate.ts'

// The Python module of AWS, if it is installed (pip install aws_kinesis_agg). It is independent of this code.
const python = (script: string, input: unknown) =>
  spawnSync('python3', ['-c', script], { input: JSON.stringify(input), encoding: 'utf8' })
const installed = python('import aws_kinesis_agg.aggregator, aws_kinesis_agg.deaggregator', null).status === 0
const skip = installed ? false : 'the Python module aws_kinesis_agg is not installed'

const AGGREGATE = `
import base64, json, sys
from aws_kinesis_agg.aggregator import RecordAggregator
aggregator = RecordAggregator()
for key, hash_key, data in json.load(sys.stdin):
    assert aggregator.add_user_record(key, base64.b64decode(data), hash_key) is None
print(base64.b64encode(aggregator.clear_and_get().get_contents()[2]).decode())
`

const DEAGGREGATE = `
import base64, json, sys
from aws_kinesis_agg.deaggregator import deaggregate_records
record = {'kinesis': {'data': json.load(sys.stdin), 'kinesisSchemaVersion': '1.0', 'sequenceNumber': '1',
  'partitionKey': 'outer', 'approximateArrivalTimestamp': 1}}
print(json.dumps([[r['kinesis']['partitionKey'], r['kinesis'].get('explicitHashKey'), r['kinesis']['data'].decode()]
  for r in deaggregate_records([record])]))
`

const base64 = (data: Uint8Array) => Buffer.from(data).toString('base64')
const records = Array.from({ length: 200 }, (_, i) => ({
  key: `ключ-${i % 9}`,
  data: Buffer.alloc(i, i),
  hashKey: String(BigInt(i % 5) * 2n ** 120n),
}))
const rows = records.map(({ key, hashKey, data }) => [key, hashKey, base64(data)])

t.test('an aggregate written by the Python module of AWS is read correctly', { skip }, async t => {
  const { stdout, stderr } = python(AGGREGATE, rows)
  const read = readAggregate(Buffer.from(stdout.trim(), 'base64'))
  t.equal(read?.count, records.length, stderr)
  const got = records.map((_, i) => read?.at(i))
  t.same(
    got.map(record => [record?.partitionKey, record?.explicitHashKey, base64(record?.data ?? Buffer.alloc(0))]),
    rows,
  )
})

t.test('the Python module of AWS reads the aggregates of these tests', { skip }, async t => {
  const { stdout, stderr } = python(DEAGGREGATE, base64(aggregate(records)))
  t.same(stdout ? JSON.parse(stdout) : stderr, rows)
})
