import path from 'node:path'
import { cloneFolder, headgateOfClone } from '../../platform/npm-script.ts'
import type { EmbeddedAws } from '../embedded-aws.ts'
import { exportLines, shellQuote } from '../export-lines.ts'
import { type DemoResult, demoFile } from './demo.ts'

/** Returns one line of the report: a step and its result. */
export function stepLine(step: string, found: string): string {
  return `  ${step.padEnd(12)} ${found}`
}

export function resultText({ uploaded, processed, text, processingMs }: DemoResult, overallMs: number): string {
  return `
  ${text}

${stepLine('uploaded', `s3://${uploaded.bucket}/${uploaded.key}`)}
${stepLine('processed', `s3://${processed.bucket}/${processed.key}`)}
${stepLine('took', `${Math.round(processingMs)} ms from the upload, ${Math.round(overallMs)} ms from the start`)}
`
}

export interface HandsOn {
  apiUrl: string
  aws: Pick<EmbeddedAws, 'env' | 'endpoints' | 'user'>
  token: string
  /** The address of the console. Undefined if it could not start. */
  consoleUrl?: string | undefined
  /** Undefined if the demo upload was not processed. */
  result?: DemoResult | undefined
}

/**
 * Returns shell commands, ready to paste, for each upload format, and for following an upload from the sign-in to the
 * processed object.
 */
export function handsOnText({ apiUrl, aws: { env, endpoints, user }, token, consoleUrl, result }: HandsOn): string {
  const signInBody = JSON.stringify({
    AuthFlow: 'USER_PASSWORD_AUTH',
    ClientId: env.COGNITO_CLIENT_ID,
    AuthParameters: { USERNAME: user.username, PASSWORD: user.password },
  })
  const { filename, content } = demoFile
  const headgate = headgateOfClone()
  return `${consoleLines(consoleUrl)}Try it yourself in another terminal, in this folder:

${headgate} upload ${shellQuote(path.relative('', path.join(cloneFolder, 'README.md')))} --wait

Or paste these lines:

# the api and the embedded AWS
API=${apiUrl}
export AWS_REGION=${env.AWS_REGION} AWS_DEFAULT_REGION=${env.AWS_REGION}
export AWS_ACCESS_KEY_ID=${env.AWS_ACCESS_KEY_ID} AWS_SECRET_ACCESS_KEY=${env.AWS_SECRET_ACCESS_KEY}

# a token of ${user.username}, valid for an hour
TOKEN=${token}

# get a new token with curl
TOKEN=$(curl -s ${endpoints.cognito} -H 'content-type: application/x-amz-json-1.1' \\
  -H 'x-amz-target: AWSCognitoIdentityProviderService.InitiateAuth' \\
  -d ${shellQuote(signInBody)} | sed 's/.*"IdToken":"\\([^"]*\\)".*/\\1/')

# or with the AWS CLI
TOKEN=$(aws cognito-idp initiate-auth --endpoint-url ${endpoints.cognito} --auth-flow USER_PASSWORD_AUTH \\
  --client-id ${env.COGNITO_CLIENT_ID} --auth-parameters USERNAME=${shellQuote(user.username)},PASSWORD=${shellQuote(user.password)} \\
  --query AuthenticationResult.IdToken --output text)

# upload as JSON, as a form, as a raw body
curl -isS "$API/uploads" -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' -w '\\n' \\
  -d ${shellQuote(JSON.stringify({ filename, content }))}
curl -isS "$API/uploads" -H "authorization: Bearer $TOKEN" -w '\\n' \\
  -F 'file=hello from a form;filename=form.txt;type=text/plain'
curl -isS "$API/uploads?filename=raw.txt" -H "authorization: Bearer $TOKEN" -H 'content-type: text/plain' -w '\\n' \\
  --data-binary 'hello from a raw body'

${resultLines(result, endpoints.s3)}# commands for operators
${exportLines(operatorEnv(env))}
${headgate} leases
API_URL=$API API_TOKEN=$TOKEN ${headgate} doctor

The documentation of the api is at ${apiUrl}/docs.${
    consoleUrl === undefined
      ? ''
      : `
The console is at ${consoleUrl}`
  }
Ctrl-C stops everything.
`
}

/** Returns the command that starts the receiver of examples/webhook at the port of the webhook. */
export function receiverCommand(webhookUrl: string, secretFile: string): string {
  const { port = '', protocol } = URL.parse(webhookUrl) ?? {}
  const example = path.relative('', path.join(cloneFolder, 'examples/webhook/receive.js'))
  return `WEBHOOK_SECRET=$(cat ${shellQuote(secretFile)}) npx node ${shellQuote(example)}${port === '4000' ? '' : ` ${port || (protocol === 'https:' ? 443 : 80)}`}`
}

function consoleLines(url: string | undefined): string {
  return url === undefined ? '' : `See everything in a browser:\n\n${url}\n\n`
}

function resultLines(result: DemoResult | undefined, s3: string): string {
  if (!result) return ''
  const { bucket, key } = result.processed
  return `# the status of the upload above
curl -sS "$API/uploads/${result.uploadId}" -H "authorization: Bearer $TOKEN" -w '\\n'

# and its processed object
aws s3 cp --endpoint-url ${s3} ${shellQuote(`s3://${bucket}/${key}`)} -

`
}

/** Returns the variables that the `headgate` command needs, except the region and the credentials. */
function operatorEnv(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) =>
      /^AWS_ENDPOINT_URL_|^COGNITO_|_BUCKET$|^STREAM_NAME$|^UPLOADS_TABLE$/.test(name),
    ),
  )
}
