import t from 'tap'
import { tryLife } from '../scenario/life.ts'
import { PLAIN, tryUploadFormats } from '../scenario/upload-formats.ts'
import { notInstalled } from '../support/installed.ts'
import { openScene } from './open-scene.ts'
import { unexpectedRefusals } from './refusals.ts'

t.setTimeout(900_000)

for (const name of ['ministack', 'moto'] as const) {
  t.test(`the whole scenario, on ${name}`, { skip: notInstalled(name) }, async t => {
    const { server, scene, fleet } = await openScene(t, name)
    await tryUploadFormats(t, scene, PLAIN)
    await tryLife(t, scene)
    const differences = await scene.expected.settle(server)
    t.strictSame(differences, [], 'boto3 finds what is expected, to the byte, and nothing else')
    t.strictSame(unexpectedRefusals(fleet.proxies), [], 'the server refuses nothing that it should take')
    const inCbor = fleet.proxies.kinesis.refusals.filter(({ target }) => target.endsWith('.GetRecords')).length
    t.ok(inCbor <= 16, `${inCbor} calls in CBOR until two workers with four shards know better`)
  })
}
