import { gzipSync } from 'node:zlib'
import type { SentFile } from '../../chaos/plan/uploads.ts'
import { type Kind, REFUSED_BY_TRANSFORM } from './kind.ts'

const bytes = (filename: string, content: Buffer, contentType = 'application/octet-stream'): SentFile => ({
  filename,
  contentType,
  bytes: content,
})

/** A file for the module of [`faulty-transform.ts`](faulty-transform.ts), which goes by the name. */
const forModule = (behaviour: string) => (label: string) =>
  bytes(`module-${behaviour}-${label}.bin`, Buffer.from(label))

const bomb = gzipSync(Buffer.alloc(200 * 1024 ** 2), { level: 9 })

export const others: readonly Kind[] = [
  {
    name: 'bytes',
    weight: 60,
    ends: ['processed'],
    make: (label, random) => bytes(`${label}.bin`, Buffer.alloc(random.integer(1, 300_000), label)),
  },
  {
    name: 'gzip bomb of 200 MiB',
    isHeavy: true,
    weight: 15,
    ends: ['processed'],
    make: label => bytes(`${label}.gz`, bomb, 'application/gzip'),
  },
  { name: 'module: copies', weight: 10, ends: ['processed'], make: forModule('copies'), output: file => file.bytes },
  { name: 'module: throws', weight: 15, ends: [REFUSED_BY_TRANSFORM], make: forModule('throws') },
  { name: 'module: rejects', weight: 15, ends: [REFUSED_BY_TRANSFORM], make: forModule('rejects') },
  { name: 'module: fails twice', isHeavy: true, weight: 5, ends: ['processed'], make: forModule('fails-twice') },
  { name: 'module: exits', isHeavy: true, weight: 4, ends: ['HEADGATE_POISON_RECORD'], make: forModule('exits') },
  {
    name: 'module: computes for ever',
    isHeavy: true,
    weight: 3,
    ends: [REFUSED_BY_TRANSFORM],
    make: forModule('computes'),
  },
  {
    name: 'module: waits for ever',
    isHeavy: true,
    weight: 3,
    ends: [REFUSED_BY_TRANSFORM, 'HEADGATE_POISON_RECORD'],
    make: forModule('waits'),
  },
  {
    name: 'module: allocates for ever',
    isHeavy: true,
    weight: 4,
    ends: [REFUSED_BY_TRANSFORM, 'HEADGATE_POISON_RECORD'],
    make: forModule('allocates'),
  },
]
