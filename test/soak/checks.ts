import type { Sender } from '../chaos/clients/client.ts'
import { eachOf, type Verdict } from './verdicts.ts'

/** Maximum number of violations that are listed. Thousands of one kind would hide all others. */
const TOLD_OF_A_KIND = 3

/** Returns a line for each file that has not come to an end that its content deserves. */
export function checkVerdicts(verdicts: readonly Verdict[]): string[] {
  const wrong = verdicts.filter(({ sent, end }) => end === undefined || !sent.kind.ends.includes(end))
  return [...Map.groupBy(wrong, ({ sent, end }) => `${sent.kind.name}: ${end ?? 'no end'}`)].flatMap(([what, all]) => [
    ...all.slice(0, TOLD_OF_A_KIND).map(({ sent, reason, uploadId }) => {
      const due = sent.kind.ends.join(' or ')
      return `${what}, not ${due}: file ${sent.n} (${sent.format}, ${JSON.stringify(sent.filename.slice(0, 60))}, ${uploadId}) ${reason}`
    }),
    ...(all.length > TOLD_OF_A_KIND ? [`${what}: ${all.length - TOLD_OF_A_KIND} more`] : []),
  ])
}

/** Returns a line for each upload whose output is another than it has to be. */
export async function checkOutputs(verdicts: readonly Verdict[], owners: readonly Sender[]): Promise<string[]> {
  const problems: string[] = []
  const known = verdicts.filter(({ sent, end }) => end === 'processed' && sent.output !== undefined)
  await eachOf(known, async ({ sent, uploadId }) => {
    const owner = owners[sent.owner]
    if (!owner) throw new Error(`There is no owner ${sent.owner}.`)
    const { authorization } = owner
    const reply = await fetch(`${owner.api()}/uploads/${uploadId}/processed`, { headers: { authorization } })
    const bytes = Buffer.from(await reply.arrayBuffer())
    if (reply.status !== 200 || !sent.output?.equals(bytes)) {
      problems.push(
        `${sent.kind.name}: the output of file ${sent.n} is ${reply.status} with ${bytes.length} other bytes`,
      )
    }
  })
  return problems
}
