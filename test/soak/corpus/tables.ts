import type { SentFile } from '../../chaos/plan/uploads.ts'
import { type Kind, REFUSED_BY_TRANSFORM } from './kind.ts'

const MIB = 1024 ** 2

const table = (label: string, bytes: string): SentFile => ({
  filename: `${label}.csv`,
  contentType: 'text/csv',
  bytes: Buffer.from(bytes),
})

const header = Array.from({ length: 140_000 }, (_, column) => `c${column}`).join(',')

export const tables: readonly Kind[] = [
  {
    name: 'CSV of two lines',
    weight: 150,
    ends: ['processed'],
    make: label => table(label, 'a,b\n1,2\n'),
    output: () => Buffer.from('{"a":"1","b":"2"}\n'),
  },
  {
    name: 'CSV of a few thousand rows',
    weight: 30,
    ends: ['processed'],
    make: (label, random) => table(label, `name,note\n${`${label},"x ""y"""\n`.repeat(random.integer(1_000, 5_000))}`),
  },
  {
    name: 'CSV header of a megabyte',
    weight: 15,
    ends: [REFUSED_BY_TRANSFORM],
    make: label => table(label, `${header}\n1\n`),
  },
  {
    name: 'CSV with an open quote before short lines',
    weight: 15,
    ends: ['processed'],
    make: label => table(label, `a,b\n"${'1,2\n'.repeat(MIB / 4)}`),
  },
  {
    name: 'CSV of bad rows alone',
    weight: 15,
    ends: [REFUSED_BY_TRANSFORM],
    make: label => table(label, `a,b\n${'1\n'.repeat(MIB / 4)}`),
  },
  {
    name: 'CSV of 3 MB that becomes 218 MB',
    isHeavy: true,
    weight: 10,
    ends: [REFUSED_BY_TRANSFORM],
    make: label => table(label, `${'n'.repeat(290)},b\n${'1,2\n'.repeat(750_000)}`),
  },
  {
    name: 'CSV of quotes alone',
    weight: 10,
    ends: ['processed', REFUSED_BY_TRANSFORM],
    make: label => table(label, `a\n"${'""'.repeat(MIB / 4)}`),
  },
]
