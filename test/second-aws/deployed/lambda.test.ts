import t, { type Test } from 'tap'
import { layOutImage } from '../runtime/image-folder.ts'
import { runtimeClientMissing } from '../runtime/runtime-client.ts'
import { notInstalled } from '../support/installed.ts'
import { type Context, type Deployment, deploy } from './deployment.ts'
import { denials, examine, failures, isWhole } from './doctor.ts'
import { assumeRole, roleName, takeAway } from './roles.ts'
import { endBySchedule, publishBySchedule, removeBySchedule } from './schedules.ts'

const skip = notInstalled('ministack') || (runtimeClientMissing() ?? false)

/** Requests whose handling depends on the gateway. */
const THROUGH_THE_GATEWAY = [
  'first-request',
  'upload-json',
  'upload-form',
  'grant',
  'tus',
  'events',
  'paging',
  'delete',
]

t.setTimeout(1_800_000)

t.test('Lambda, deployed by CloudFormation with IAM enforced', { skip }, async t => {
  const app = await layOutImage(t.testdir())
  await t.test('behind an HTTP API, small', t => whole(t, app, { gateway: 'http', preset: 'dev' }))
  await t.test('behind a REST API, in production', t =>
    isWhole ? whole(t, app, { gateway: 'rest', preset: 'prod' }) : short(t, app, { gateway: 'rest', preset: 'prod' }),
  )
  if (!isWhole) return
  await t.test('behind an HTTP API, in production', t => whole(t, app, { gateway: 'http', preset: 'prod' }))
  await t.test('behind a REST API, small', t => whole(t, app, { gateway: 'rest', preset: 'dev' }))
})

async function short(t: Test, app: string, context: Context): Promise<void> {
  const deployment = await deploy(t, app, context)
  const only = THROUGH_THE_GATEWAY.flatMap(id => ['--only', id])
  const found = await examine(t, deployment, { args: ['--deep', '--requests', '5', ...only] })
  t.strictSame(failures(found), [])
  t.equal(found.findings.length, THROUGH_THE_GATEWAY.length)
  t.strictSame(denials(deployment), [], 'no role lacks a permission')
}

async function whole(t: Test, app: string, context: Context): Promise<void> {
  const deployment = await deploy(t, app, context)
  const { users, apiUrl } = deployment

  await t.test('accepts every upload format, and the doctor finds no fault', async t => {
    const found = await examine(t, deployment, { args: ['--deep', '--requests', '20'] })
    t.strictSame(failures(found), [])
    t.match(found.findings.find(({ id }) => id === 'upload-json')?.seen, 'HELLO KINESIS')
    t.match(found.findings.find(({ id }) => id === 'mapping')?.status, 'ok')
    for (const line of found.report.split('\n').slice(-6)) t.comment(line)
    t.strictSame(secretsIn(found.report, deployment), [])
  })

  await t.test('another user cannot see the uploads', async t => {
    const auth = { authorization: `Bearer ${users.demo.idToken}`, 'content-type': 'application/json' }
    const body = JSON.stringify({ filename: 'mine.txt', content: 'mine' })
    const mine = await fetch(`${apiUrl}/uploads`, { method: 'POST', headers: auth, body })
    const { uploadId } = (await mine.json()) as { uploadId: string }
    const theirs = { headers: { authorization: `Bearer ${users.other.idToken}` } }
    for (const path of [uploadId, `${uploadId}/content`, `${uploadId}/events`]) {
      const answer = await fetch(`${apiUrl}/uploads/${path}`, theirs)
      t.equal(answer.status, 404, await answer.text())
    }
    const list = (await (await fetch(`${apiUrl}/uploads`, theirs)).json()) as { uploads: unknown[] }
    t.strictSame(list.uploads, [])
  })

  await t.test('the relay and the sweeps run by their schedules', async t => {
    await Promise.all([publishBySchedule(t, deployment), endBySchedule(t, deployment), removeBySchedule(t, deployment)])
  })

  t.strictSame(denials(deployment), [], 'no role lacks a permission')

  await t.test('IAM denies an action that is removed from a policy, and the doctor names it', async t => {
    const role = await roleName(deployment.aws, deployment.stack, 'ApiRole')
    const credentials = await assumeRole(deployment.aws, role)
    const check = { args: ['--only', 'put-record'], credentials }
    t.match(await examine(t, deployment, check), { findings: [{ id: 'put-record', status: 'ok' }] })

    const giveBack = await takeAway(deployment.aws, role, 'kinesis:PutRecords')
    const found = await examine(t, deployment, check)
    t.match(found, {
      code: 1,
      findings: [{ id: 'put-record', status: 'failed', seen: /kinesis:PutRecords .*AccessDenied/ }],
    })
    t.match(
      found.findings[0]?.advice,
      /^Allow kinesis:PutRecords on arn:aws:kinesis:us-east-1:\*:stream\/uploads-stream/,
    )

    const auth = { authorization: `Bearer ${users.demo.idToken}`, 'content-type': 'application/json' }
    const body = JSON.stringify({ filename: 'kept.txt', content: 'kept' })
    const answer = await fetch(`${apiUrl}/uploads`, { method: 'POST', headers: auth, body })
    t.equal(answer.status, 202, 'the api keeps the upload for the relay')
    await answer.text()
    t.match(
      denials(deployment),
      [/^kinesis Kinesis_20131202\.PutRecords: .*AccessDenied/],
      'the deployment was refused as well',
    )
    await giveBack()
    t.match(await examine(t, deployment, check), { findings: [{ status: 'ok' }] })
  })
}

/** Values that must not be in a report, because reports are pasted into issues. */
function secretsIn(report: string, { users, outputs }: Deployment): string[] {
  const secrets = [
    users.demo.idToken.slice(0, 40),
    users.demo.password,
    users.demo.username,
    ...Object.values(outputs).filter(value => value.length > 20),
    '000000000000',
    'X-Amz-',
  ]
  return secrets.filter(secret => report.includes(secret))
}
