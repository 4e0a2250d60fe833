import { existsSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { eventually } from '../../api/support.ts'
import { type Program, runProgram } from '../../support/processes.ts'
import { callJson, REGION } from '../support/call.ts'
import type { Deployment } from './deployment.ts'
import { assumeRole } from './roles.ts'

interface TaskDefinition {
  taskRoleArn: string
  containerDefinitions: Array<{ command: string[]; environment: Array<{ name: string; value: string }> }>
}

export interface Tasks {
  apiUrl: string
  /** Returns the logs of the tasks. */
  logs(): string
}

const READY_MS = 120_000

/**
 * Runs the tasks of the stack as processes, each with the command and the environment of its task definition, in the
 * image's own files, with temporary credentials of its task role. Resolves to the URL of the api once it is ready.
 */
export async function startTasks(
  t: Pick<Test, 'teardown'>,
  deployed: Pick<Deployment, 'aws' | 'proxies' | 'app'>,
): Promise<Tasks> {
  const { aws, proxies, app } = deployed
  const { taskDefinitionArns } = await callJson(aws, 'ecs', 'ListTaskDefinitions', {})
  const programs = new Map<string, Program>()
  for (const taskDefinition of taskDefinitionArns as string[]) {
    const described = await callJson(aws, 'ecs', 'DescribeTaskDefinition', { taskDefinition })
    const { taskRoleArn, containerDefinitions } = described.taskDefinition as TaskDefinition
    const [container] = containerDefinitions
    const [program, file = ''] = container?.command ?? []
    const entry = path.join(app, file)
    if (program !== 'node' || !existsSync(entry)) throw new Error(`The image cannot run ${container?.command}`)
    const credentials = await assumeRole(aws, taskRoleArn.split('/').at(-1) ?? '')
    const variables = Object.fromEntries((container?.environment ?? []).map(({ name, value }) => [name, value]))
    programs.set(
      path.basename(file, '.js'),
      runProgram(t, [entry], {
        cwd: app,
        env: {
          ...proxies.env,
          ...variables,
          AWS_REGION: REGION,
          AWS_ACCESS_KEY_ID: credentials.accessKeyId,
          AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
          AWS_SESSION_TOKEN: credentials.sessionToken ?? '',
          // Each container has its own address, but these processes share one.
          HOST: '127.0.0.1',
          ADMIN_HOST: '127.0.0.1',
          HEALTH_HOST: '127.0.0.1',
          PORT: '0',
          ADMIN_PORT: '0',
          HEALTH_PORT: '0',
        },
      }),
    )
  }
  const api = programs.get('server')
  if (api === undefined || !programs.has('worker')) throw new Error(`The stack has the tasks ${[...programs.keys()]}`)
  const logs = () => [...programs].map(([name, { stdout, stderr }]) => `${name}: ${stdout()}${stderr()}`).join('\n')
  const url = () => /http:\/\/127\.0\.0\.1:\d+/.exec(api.stdout())?.[0]
  await eventually(async () => url() !== undefined && (await isReady(url() ?? '')), READY_MS).catch(cause => {
    throw new Error(`The tasks do not become ready.\n${logs()}`, { cause })
  })
  return { apiUrl: url() ?? '', logs }
}

async function isReady(url: string): Promise<boolean> {
  const response = await fetch(`${url}/readyz`)
  await response.arrayBuffer()
  return response.ok
}
