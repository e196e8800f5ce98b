"""scalability"""
