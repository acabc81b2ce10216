"""A server that speaks S3, keeping its objects in memory: s3_server.py PORT"""
import sys

from moto.server import main

main(["-H", "127.0.0.1", "-p", sys.argv[1]])
