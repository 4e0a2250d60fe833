import t from 'tap'
import { TransformError } from '../../../services/worker/errors.ts'
import { type Dialect, RFC_4180 } from '../../../services/worker/transforms/built-in/csv/dialect.ts'
import { uniqueNames } from '../../../services/worker/transforms/built-in/csv/header.ts'
import { createRecordSplitter } from '../../../services/worker/transforms/built-in/csv/record-splitter.ts'
import { createTransform } from '../../../services/worker/transforms/rules/transform-source.ts'
import { csvShapes } from './csv-shapes.ts'
import { growthOf } from './growth.ts'
import { cutEvery, make } from './support.ts'

const csv = await createTransform({ kind: 'built-in', name: 'csv-to-ndjson', options: {} })

/** Maximum growth for 4 times the input. Linear work takes 4 times as long, quadratic work 16 times. */
const LINEAR = 9

const CHUNK = 64 * 1024

t.test('the work of converting a file is proportional to its size', async t => {
  for (const [name, shape] of Object.entries(csvShapes)) {
    const convert = async (size: number) => {
      const upload = { contentType: 'text/csv', filename: 'table.csv' }
      try {
        await make(csv, cutEvery(Buffer.from(shape(size)), CHUNK), upload)
      } catch (error) {
        if (!(error instanceof TransformError)) throw error
      }
    }
    const { factor, micros } = await growthOf(convert, { size: 64 * 1024 })
    t.ok(factor < LINEAR, `${name}: ${factor.toFixed(1)} times, ${Math.round(micros / 1000)} ms`)
  }
})

const dialects: readonly Dialect[] = [RFC_4180, { ...RFC_4180, escape: 'backslash' }, { ...RFC_4180, quote: '' }]

// The splitter buffers an incomplete row. Real chunks are larger than 3 characters, so this is the worst case.
for (const [how, pieceLength] of [
  ['in one piece', Number.POSITIVE_INFINITY],
  ['in pieces of 3 characters', 3],
] as const) {
  t.test(`the work of splitting a file ${how} is proportional to its size`, async t => {
    for (const [name, shape, dialect] of everyShape()) {
      const split = async (size: number) => {
        const text = shape(size)
        const splitter = createRecordSplitter({ dialect, maxLength: 1024 ** 2 })
        for (let at = 0; at < text.length; at += pieceLength) drain(splitter.push(text.slice(at, at + pieceLength)))
        drain(splitter.end())
      }
      const { factor, micros } = await growthOf(split, { size: 64 * 1024 })
      t.ok(factor < LINEAR, `${name}: ${factor.toFixed(1)} times, ${Math.round(micros / 1000)} ms`)
    }
  })
}

t.test('the work of numbering repeated names is proportional to their number', async t => {
  const shapes: Record<string, (index: number) => string> = {
    'one name': () => 'a',
    'one name whose numbered names are in the header': index => (index % 2 === 0 ? 'a' : `a_${index}`),
    'two names': index => (index % 2 === 0 ? 'a' : 'a_2'),
  }
  for (const [what, nameAt] of Object.entries(shapes)) {
    const number = async (size: number) => void uniqueNames(Array.from({ length: size }, (_, index) => nameAt(index)))
    const { factor, micros } = await growthOf(number, { size: 32 * 1024 })
    t.ok(factor < LINEAR, `${what}: ${factor.toFixed(1)} times, ${Math.round(micros / 1000)} ms`)
  }
})

function* everyShape() {
  for (const [name, shape] of Object.entries(csvShapes)) {
    yield [name, shape, RFC_4180] as const
    if (name.includes('quote')) for (const dialect of dialects.slice(1)) yield [name, shape, dialect] as const
  }
}

function drain(values: Iterable<unknown>): void {
  for (const _ of values) void _
}
