import t, { type Test } from 'tap'
import { layOutImage } from '../runtime/image-folder.ts'
import { runtimeClientMissing } from '../runtime/runtime-client.ts'
import { notInstalled } from '../support/installed.ts'
import { type Context, deploy } from './deployment.ts'
import { denials, examine, failures, isWhole } from './doctor.ts'
import { assumeRole, roleName, takeAway } from './roles.ts'

const skip = notInstalled('ministack') || (runtimeClientMissing() ?? false)

t.setTimeout(1_800_000)

t.test('Fargate, deployed by CloudFormation with IAM enforced', { skip }, async t => {
  const app = await layOutImage(t.testdir())
  const presets = isWhole ? ['dev', 'prod'] : ['dev']
  for (const preset of presets) {
    await t.test(`the tasks work with the permissions of their task roles, with preset ${preset}`, t =>
      run(t, { preset }),
    )
  }

  async function run(t: Test, context: Context): Promise<void> {
    const deployment = await deploy(t, app, { ...context, compute: 'fargate' })
    const found = await examine(t, deployment, { args: ['--deep', '--requests', '20'] })
    if (!t.strictSame(failures(found), [])) t.comment(deployment.logs())
    t.match(found.findings.find(({ id }) => id === 'upload-json')?.seen, 'HELLO KINESIS')
    t.match(found.findings.find(({ id }) => id === 'leases')?.status, 'ok')
    for (const line of found.report.split('\n').slice(-6)) t.comment(line)
    t.strictSame(denials(deployment), [], 'no role lacks a permission')

    const role = await roleName(deployment.aws, deployment.stack, 'WorkerRole')
    const credentials = await assumeRole(deployment.aws, role)
    const check = { args: ['--only', 'write-processed'], credentials }
    t.match(await examine(t, deployment, check), { code: 0, findings: [{ id: 'write-processed', status: 'ok' }] })
    await takeAway(deployment.aws, role, 's3:PutObject')
    const refused = await examine(t, deployment, check)
    t.match(refused, {
      code: 1,
      findings: [{ status: 'failed', seen: /^s3:PutObject on arn:aws:s3:::.* AccessDenied/ }],
    })
    t.match(refused.findings[0]?.advice, /^Allow s3:PutObject on arn:aws:s3:::.*\/processed\/\*/)
  }
})
