"""An MCP client made with the official Python SDK. Usage: client.py <endpoint>. Prints JSON.

Python's OpenSSL seldom has ML-KEM yet, so it calls over plain HTTP on loopback.
"""

import asyncio
import json
import sys

from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client


async def main(endpoint: str) -> None:
    async with streamablehttp_client(endpoint) as (read, write, _):
        async with ClientSession(read, write) as session:
            await session.initialize()
            tools = await session.list_tools()
            answer = await session.call_tool("echo", {"message": "hello from Python"})
            print(
                json.dumps(
                    {
                        "tools": [tool.name for tool in tools.tools],
                        "echo": answer.content[0].text,
                    }
                )
            )


asyncio.run(main(sys.argv[1]))
