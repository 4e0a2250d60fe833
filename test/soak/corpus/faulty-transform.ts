import { appendFileSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { TransformError } from '../../../services/worker/errors.ts'
import type { Transform, TransformContext, TransformOutputs } from '../../../services/worker/transforms/transform.ts'

type Apply = (input: AsyncIterable<Uint8Array>, context: TransformContext) => TransformOutputs

const copies: Apply = input => ({ contentType: 'application/octet-stream', body: input })

/**
 * A module of a team with every possible fault. The name of the file selects the fault. `folder` records the attempts.
 */
export default function createFaultyTransform(options: unknown): Transform {
  const { folder } = options as { folder: string }
  const faults: Readonly<Record<string, Apply>> = {
    copies,
    throws() {
      throw new TransformError('The module throws.')
    },
    async rejects() {
      throw new TransformError('The module rejects.')
    },
    'fails-twice': (input, context) => {
      const file = path.join(folder, context.upload.filename)
      appendFileSync(file, '.')
      if (readFileSync(file).length < 3) throw new Error('The module fails for now.')
      return copies(input, context)
    },
    exits: () => process.exit(3),
    computes() {
      for (;;) Math.random()
    },
    waits: () => new Promise(() => setInterval(() => undefined, 1_000)),
    allocates() {
      const held: Buffer[] = []
      for (;;) held.push(Buffer.alloc(4 * 1024 ** 2, 1))
    },
  }
  return {
    name: 'faulty',
    version: '1',
    apply(input, context) {
      const behaviour = /^module-(.*)-\d+-\d+\.bin$/.exec(context.upload.filename)?.[1] ?? ''
      const fault = faults[behaviour]
      if (!fault) throw new TransformError(`The module does not know the behaviour "${behaviour}".`)
      return fault(input, context)
    },
  }
}
